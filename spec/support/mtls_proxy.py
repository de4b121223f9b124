"""Stands before a plain HTTP server with TLS that asks for a client's certificate.

    mtls_proxy.py PORT UPSTREAM_PORT CERTIFICATE KEY AUTHORITY

The first two are the server's own, signed by whomever; clients have to show one of AUTHORITY's.
"""

import socket
import ssl
import sys
import threading


def copy(source, target):
    """Passes on what comes until it ends, on either side."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(plain, context, upstream_port):
    """Serves a connection, where its client may come in."""
    plain.settimeout(30)
    try:
        client = context.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()
        return
    upstream = socket.create_connection(("127.0.0.1", upstream_port))
    threading.Thread(target=copy, args=(client, upstream), daemon=True).start()
    copy(upstream, client)


def main():
    port, upstream_port, certificate, key, authority = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    server = socket.create_server(("127.0.0.1", int(port)))
    while True:
        plain, _ = server.accept()
        threading.Thread(target=serve, args=(plain, context, int(upstream_port)), daemon=True).start()


main()
