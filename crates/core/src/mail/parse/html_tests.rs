//! HTML of mail programs, of templates and of attackers, as text.

use super::html::html_text;

#[test]
#[rustfmt::skip] // Tables are read a row a line.
fn html_reads_as_a_person_sees_it() {
    for (what, html, want) in [
        ("plain words", "Привет", "Привет"),
        ("entities", "5 &lt; 6 &amp;&nbsp;&laquo;да&raquo; &#1046;", "5 < 6 & «да» Ж"),
        ("white space", "  a \n\t b  ", "a b"),
        ("line breaks", "a<br>b<br/>c<br><br>d", "a\nb\nc\n\nd"),
        ("blocks", "<div>a</div><div>b<div>c</div></div>d", "a\nb\nc\nd"),
        ("paragraphs", "<p>a</p><p>b</p>", "a\n\nb"),
        ("Outlook's paragraphs", "<p class=MsoNormal>a</p><p class=MsoNormal>b</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>c</p>", "a\nb\n\u{20}\nc"),
        ("paragraphs without a margin", "<p style='margin:0cm'>a</p><p style='margin:0cm'>b</p>", "a\nb"),
        ("an empty line", "<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("an empty line of Yandex", "<div>a</div><div> </div><div>b</div>", "a\n\nb"),
        ("at most one empty line", "a<br><br><br><br>b", "a\n\nb"),
        ("headings", "<h1>a</h1>b", "a\nb"),
        ("bold is not marked", "a <b>b</b><i>c</i>", "a bc"),
        ("preformatted", "<pre>a  b\n  c</pre>d", "a  b\n  c\nd"),
        ("lists", "<ul><li>a<li>b</ul><ol><li>c</li><li><p>d</p></li></ol>e", "- a\n- b\n1. c\n2. d\ne"),
        ("a table", "<table><tr><th>урок<th>кабинет<tr><td>3<td>14</table>", "урок | кабинет\n3 | 14"),
        ("a table of a header", "<table><tr><th>Тема: </th><td>пароль</td></tr></table>", "Тема: пароль"),
        ("a table for layout", "<table><tr><td><div>a</div></td><td><div>b</div></td></tr></table>", "a\nb"),
        ("empty cells", "<table><tr><td></td><td>a</td><td></td></tr></table>", "a"),
        ("a rule", "a<hr>b", "a\n----------\nb"),
        ("a link", "<a href='https://school.test/x'>here</a> b", "here (https://school.test/x) b"),
        ("a link that is its own words", "<a href='https://school.test/'>school.test</a>", "school.test"),
        ("an address", "<a href='mailto:a@b.test'>a@b.test</a> <a href='mailto:a@b.test'>Анна</a>", "a@b.test Анна (a@b.test)"),
        ("links to nowhere", "<a href='#x'>a</a><a href='javascript:x()'>b</a><a>c</a>", "abc"),
        ("a picture with words", "<img alt='Схема' src=x> <img src=y>", "[Схема]"),
        ("a tracking pixel", "a<img width=1 height=1 alt=open src='https://t.test/p.gif'>", "a"),
        ("what is never shown", "<head><title>t</title><style>p{}</style></head><body>a<script>x('<b>')</script><!-- c --><!--[if mso]>m<![endif]--></body>", "a"),
        ("what is hidden", "<div style='display:none'>preheader</div><span hidden>x</span><span style='font-size:0px'>y</span><p style=\"mso-hide:all\">z</p>a", "a"),
        ("small and not nothing", "<span style='font-size:0.9em'>a</span><span style='max-height:0.5em'>b</span>", "ab"),
        ("a head that nobody closed", "<html><head><meta charset=x><body>a", "a"),
        ("a head that only the body ends", "<html><head><title>t</title><style>p{}</style><body>a", "a"),
        ("a head in the middle", "<body>a<head><style>x{}</style><p>b", "a\n\nb"),
        ("sizes of nothing around words", "<div style='font-size:0'><table><tr><td style='font-size:0px'><div style='font-size:13px'>a</div></td></tr></table></div>b", "a\nb"),
        ("the last of two values", "<p style='display:none;display:block'>a</p><p style='x-display:none'>b</p><p style='display:\tnone'>c</p>", "a\n\nb"),
        ("a hidden element that nobody closed", "<div style='display:none'>a", "a"),
        ("a noscript", "<noscript>a</noscript>", "a"),
        ("broken tags", "a<b<c>d</ e>f<", "adf<"),
        ("two documents", "<html><body>a</body></html><html><body>b</body></html>", "a\nb"),
    ] {
        assert_eq!(html_text(html).trim_end(), want, "{what}: {html}");
    }
}

#[test]
#[rustfmt::skip]
fn quotations_come_out_marked_and_headers_as_lines() {
    for (what, html, want) in [
        ("a quotation", "да<blockquote>a<br>b</blockquote>c", "да\n> a\n> b\nc"),
        ("in a quotation", "<blockquote>a<blockquote>b</blockquote>c</blockquote>", "> a\n> > b\n> c"),
        ("an empty line inside", "<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("an indent is no quotation", "<blockquote style=\"margin: 0 0 0 40px; border: none; padding: 0px;\">a</blockquote>", "a"),
        ("deeper than is followed", &format!("{}<blockquote>a<p>b</p></blockquote>{}c", "<div>".repeat(300), "</div>".repeat(300)), "a\n\nb\nc"),
        ("a signature that is only marked", "<p>a</p><div id=\"Signature\"><p>Анна</p><p>завуч</p></div><blockquote>q</blockquote>", "a\n-- \nАнна\n\nзавуч\n> q"),
        ("words behind a marked signature", "<p>a</p><div class=\"gmail_signature\">Анна</div><p>b</p>", "a\nАнна\n\nb"),
        ("Gmail", "<div dir=ltr>да</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=ltr class=gmail_attr>пн, 23 нояб. 2026 г. в 10:14, Анна &lt;<a href=\"mailto:a@b.test\">a@b.test</a>&gt;:<br></div><blockquote class=gmail_quote style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid\"><div>вопрос</div></blockquote></div>",
            "да\n\nпн, 23 нояб. 2026 г. в 10:14, Анна <a@b.test>:\n> вопрос"),
        ("Thunderbird", "<p>да</p><div class=\"moz-cite-prefix\">23.11.2026 10:14, Анна пишет:<br></div><blockquote type=\"cite\" cite=\"mid:x\"><pre class=\"moz-quote-pre\">вопрос\nещё</pre></blockquote>",
            "да\n23.11.2026 10:14, Анна пишет:\n\n> вопрос\n> ещё"),
        ("Apple Mail", "да<br><div><br><blockquote type=\"cite\"><div>23 нояб. 2026 г., в 10:14, Анна написала:</div><br><div>вопрос</div></blockquote></div>",
            "да\n\n> 23 нояб. 2026 г., в 10:14, Анна написала:\n>\n> вопрос"),
        ("Outlook on the web", "<div>да</div><hr tabindex=-1><div id=\"divRplyFwdMsg\" dir=ltr><font><b>От:</b> Анна &lt;a@b.test&gt;<br><b>Отправлено:</b> 23 ноября 2026 г.<br><b>Кому:</b> Рита<br><b>Тема:</b> пароль</font><div>&nbsp;</div></div><div>вопрос</div>",
            "да\n----------\nОт: Анна <a@b.test>\nОтправлено: 23 ноября 2026 г.\nКому: Рита\nТема: пароль\n\u{20}\nвопрос"),
        ("Outlook", "<p class=MsoNormal>да<o:p></o:p></p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Anna<br><b>Sent:</b> Monday<br><b>To:</b> Rita</p></div>",
            "да\nFrom: Anna\nSent: Monday\nTo: Rita"),
        ("Gmail's signature", "да<div class=gmail_signature data-smartmail=gmail_signature>Рита</div>", "да\n-- \nРита"),
        ("Thunderbird's signature", "да<pre class=moz-signature>-- \nРита</pre>", "да\n\n-- \nРита"),
        ("Yandex's signature", "<div>да</div><div>-- </div><div>Рита</div>", "да\n-- \nРита"),
    ] {
        assert_eq!(html_text(html).trim_end(), want, "{what}: {html}");
    }
}

#[test]
fn hostile_html_takes_linear_time_and_bounded_space() {
    for (open, close) in [
        ("<div>", "</div>"),
        ("<table><tr><td>", ""),
        ("<blockquote>a", "</blockquote>"),
        ("<a href='https://a.test/'>x", ""),
        ("<p hidden>", ""),
        ("<ul><li>", "</ul>"),
        ("<", ""),
        ("</div>", ""),
        ("<x a=1 b=2 c=3>", "</y>"),
        ("<!--", ""),
        ("&", ""),
        ("<b><i>", "</b></i>"),
        ("<pre>\n", ""),
    ] {
        let many = 400_000 / (open.len() + close.len());
        // A quadratic step would not end within the patience of a developer.
        let text = html_text(&format!("{}{}", open.repeat(many), close.repeat(many)));
        assert!(text.len() <= 2 * 1024 * 1024, "{open}");
    }
}
