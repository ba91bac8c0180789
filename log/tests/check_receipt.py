#!/usr/bin/env python3
"""Checks a Keyward receipt, as docs/receipts.md says: check_receipt.py RECEIPT VERIFIER_KEY [ORIGIN]"""
import base64, hashlib, pathlib, subprocess, sys, tempfile

def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()
def b64(text): return base64.b64decode(text, validate=True)
def require(holds, what): holds or sys.exit(f"REFUSED: {what}")

def is_signature(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("key", "message", "signature")]
        spki = bytes.fromhex("302a300506032b6570032100") + key
        for file, content in zip(files, (spki, message, signature)): file.write_bytes(content)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey {} -rawin -in {} -sigfile {}"
        return subprocess.run(command.format(*files).split(), capture_output=True).returncode == 0

def root_of(leaf, index, size, proof):  # RFC 6962, section 2.1.1
    require(0 <= index < size and (size > 1) == bool(proof), "the inclusion proof does not fit the tree")
    if size == 1: return leaf
    split = 1 << (size - 1).bit_length() - 1
    if index < split: return sha256(b"\1", root_of(leaf, index, split, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], root_of(leaf, index - split, size - split, proof[:-1]))

def check(proof, vkey, origin):
    head, body, signatures = proof.split("\n\n")
    extra, index, *hashes = [line.split(" ")[-1] for line in head.split("\n")]
    name, key_id, key = vkey.split("+", 2)
    require(key_id == sha256(f"{name}\n".encode(), b64(key))[:4].hex() and b64(key)[0] == 1, "verifier key")
    lines = [b64(line.split(" ")[2]) for line in signatures.split("\n") if line.startswith(f"— {name} ")]
    ours = [line[4:] for line in lines if line[:4].hex() == key_id]
    signed = [is_signature(b64(key)[1:], f"{body}\n".encode(), signature) for signature in ours]
    require(signed and all(signed), "the checkpoint is not signed by the key")
    log, size, root = body.split("\n")[:3]
    require(log == (origin or name), "the checkpoint is another log's")
    leaf, *openings = b64(extra).decode().removesuffix("\n").split("\n")
    require(leaf.startswith("leaf "), "no leaf")
    leaf_hash = sha256(b"\0", leaf[5:].encode())
    require(root_of(leaf_hash, int(index), int(size), [b64(h) for h in hashes]) == b64(root), "not in the log")
    print(f"{index} of {size}: {leaf[5:]}")
    for opening in openings:
        salt, key_of = [b64(part) for part in opening.removeprefix("opening ").split(" ")]
        commitment = base64.b64encode(sha256(b"keyward-commitment/v1\n", salt, key_of)).decode()
        require(len(salt) == len(key_of) == 16 and commitment in leaf, "an opening opens nothing")
        print(f"  {commitment} is {key_of.hex()}")

header, *proofs = pathlib.Path(sys.argv[1]).read_text("utf-8").split("c2sp.org/tlog-proof@v1\n")
require(header == "" and proofs, "not a receipt")
for proof in proofs: check(proof, sys.argv[2], (sys.argv + [None])[3])
