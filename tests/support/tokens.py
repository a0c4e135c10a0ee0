"""A token server on loopback: `tokens.py DIR CERTIFICATE KEY`. Prints its port; answers each POST with the status on the first
line of DIR/answer and the body after it, and writes what it was sent into DIR/heard, a line each."""

import http.server
import os
import ssl
import sys

directory, certificate, key = sys.argv[1:]


class Tokens(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        with open(os.path.join(directory, "heard"), "ab") as heard:
            heard.write(sent + b"\n")
        with open(os.path.join(directory, "answer"), "rb") as answer:
            status, body = answer.read().split(b"\n", 1)
        self.send_response(int(status))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        with context.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)

    def handle_error(self, *_):
        """A client that leaves is its own matter."""


server = Server(("127.0.0.1", 0), Tokens)
print(server.server_address[1], flush=True)
server.serve_forever()
