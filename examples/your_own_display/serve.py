"""Serves display.html, and gets it a ticket for each line, so that the token stays here.

python serve.py http://HALL:8080 TOKEN_FILE [PORT]
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

HALL, TOKEN = sys.argv[1], Path(sys.argv[2]).read_text().strip()
PORT = int(sys.argv[3]) if len(sys.argv) > 3 else 8090
PAGE = Path(__file__).with_name("display.html").read_bytes()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self.answer("text/html; charset=utf-8", PAGE)
        elif self.path == "/ticket":
            headers = {"Authorization": f"Bearer {TOKEN}"}
            try:
                asked = Request(f"{HALL}/api/v1/ws-ticket", b"", headers)
                with urlopen(asked, timeout=5) as answer:
                    ticket = json.load(answer)["ticket"]
            except OSError as error:
                self.send_error(503, f"the hall gives no ticket: {error}")
            else:
                told = {"hall": HALL.replace("http", "ws", 1), "ticket": ticket}
                self.answer("application/json", json.dumps(told).encode())
        else:
            self.send_error(404)

    def answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
