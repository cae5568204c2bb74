"""A server for authorization to try the plugin with: the token `letmein` is good, no other one is."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Verify(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        good = self.headers.get("authorization") == "Bearer letmein"
        self.send_response(204 if good else 403)
        self.send_header("content-length", "0")
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", 9000), Verify).serve_forever()
