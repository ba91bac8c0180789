"""A real server for the tests: the program itself, on free ports, in a folder of its own."""

import json
import os
import subprocess
import urllib.request

import pytest


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.program = subprocess.Popen(
            [os.environ["KEYWARD"], "demo", "--json", "--data", str(folder)]
            + ["--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
        )
        self.ready = json.loads(self.program.stdout.readline())
        self.url = self.ready["http"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", "Bearer " + self.ready["native"]["secret"])
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def issue(self, **fields):
        """A new key: its id and its secret."""
        issued = self.call("POST", "/v1/keys", {"name": "a key", **fields})
        return issued["key"]["id"], issued["secret"]

    def remove(self, key):
        self.call("DELETE", "/v1/keys/" + key)

    def log_key(self):
        """The text of ``log.pub``."""
        return (self.folder / "keys" / "log.pub").read_text()

    def verifiers(self):
        """The names of all that it knows."""
        return [verifier["name"] for verifier in self.call("GET", "/v1/verifiers")["data"]]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.program.terminate()
    assert server.program.wait(60) == 0
