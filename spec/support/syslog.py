"""A syslog server: writes each message down as a JSON line.

    syslog.py PORT FILE udp|tcp|lines

tcp: octet counting (RFC 6587); lines: a message each, as tcp-log sends them.
"""

import json
import socketserver
import sys

PORT, FILE, TRANSPORT = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def write(text):
    with open(FILE, "a") as out:
        out.write(json.dumps({"message": text}) + "\n")


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        write(self.request[0].decode())


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        if TRANSPORT == "lines":
            for line in self.rfile:
                write(line.decode())
            return

        while True:
            count = b""
            while (byte := self.rfile.read(1)).isdigit():
                count += byte
            if not count:
                return
            write(self.rfile.read(int(count)).decode())


server = socketserver.UDPServer if TRANSPORT == "udp" else socketserver.ThreadingTCPServer
server.allow_reuse_address = True
with server(("127.0.0.1", PORT), Datagram if TRANSPORT == "udp" else Stream) as listening:
    listening.serve_forever()
