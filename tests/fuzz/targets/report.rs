//! Delivery reports in every shape: the body is the fuzzer's, the frame of a report is ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ninetosix_core::domain::robot::{Author, judge};
use ninetosix_core::mail::parse::parse;

fuzz_target!(|parts: (u8, &[u8])| {
    let (frame, body) = parts;
    let head: &[u8] = match frame % 4 {
        0 => b"From: MAILER-DAEMON@mx.test\r\nReturn-Path: <>\r\nSubject: Undelivered Mail Returned to Sender\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n",
        1 => b"From: Mail Delivery System <mailer-daemon@mx.test>\r\nReturn-Path: <>\r\nSubject: Mail delivery failed\r\nX-Failed-Recipients: ",
        2 => b"From: postmaster@mx.test\r\nReturn-Path: <>\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at mx.test.\r\n\r\n",
        _ => b"From: postmaster@mx.test\r\nReturn-Path: <>\r\nSubject: Undeliverable: x\r\n\r\n",
    };
    let mail = parse(&[head, body].concat());
    assert!(judge(&mail).author != Author::DeliveryReport || mail.report.is_some());
    if let Some(report) = &mail.report {
        assert!(report.recipients.len() <= 1000 && report.original_message_ids.len() <= 50);
    }
});
