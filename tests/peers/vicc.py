#!/usr/bin/env python3
"""Starts Debian's card emulator (packages vsmartcard-vpicc, python3-virtualsmartcard, 3.3+dfsg-2) under a Python of today.

    vicc.py ARGUMENTS-OF-VICC...        environment: EAC_BINDING = folder of eac.py, chat.py and _eac.so (card type nPA)

The package lies outside Python's path and still has habits of Python 2 (texts where bytes are meant). Nothing of it is kept here or
changed on disk: the few expressions are exchanged while a module is loaded, and one omission of its secure messaging is made good. An expression that is not found means another version of
the package: then this stops with exit code 69 and says which one, so that nobody takes a half-mended card for a reference.
"""
import builtins
import importlib.abc
import importlib.util
import os
import pathlib
import re
import runpy
import socket
import sys

HOME = pathlib.Path("/usr/lib/python3/site-packages/virtualsmartcard")
PROGRAM = "/usr/bin/vicc"

# module -> what is exchanged: (expression, the same for Python 3); every place where it stands
EXCHANGE = {
    "VirtualSmartcard": [
        # a command that it does not understand ends the program; here it is an error of the card, as on any other
        (
            "                answer = self.os.execute(msg)\n",
            "                try:\n                    answer = self.os.execute(msg)\n"
            "                except Exception:\n                    logging.exception('no answer')\n                    answer = b'\\x6f\\x00'\n",
        ),
    ],
    "utils": [
        # indexing bytes gives a number already
        ("def stringtoint(data):\n    i = 0\n", "def stringtoint(data):\n    if isinstance(data, int):\n        return data\n    i = 0\n"),
    ],
    "TLVutils": [
        ('    return b"".join(result)', "    return bytes(result)"),
        ("        if not isinstance(value, bytes):\n", "        if isinstance(value, str):\n            value = value.encode('latin-1')\n        if not isinstance(value, bytes):\n"),
    ],
    "SEutils": [
        ('config=""', 'config=b""'),
        ('config != ""', 'config != b""'),
        ('return SW["NORMAL"], ""', 'return SW["NORMAL"], b""'),
        ('return_data = ["", ]', 'return_data = [b""]'),
        ('"".join(return_data)', 'b"".join(return_data)'),
        ('expected != ""', 'expected != b""'),
        ('response_data == ""', 'response_data == b""'),
        ('result != ""', 'result != b""'),
        ('return_data = ""', 'return_data = b""'),
        ('encrypted = "\\x01"', 'encrypted = b"\\x01"'),
        ('to_authenticate = ""', 'to_authenticate = b""'),
        # a secured answer of the ePass lacks the status object that Doc 9303-11 9.8 demands, and one with a warning the checksum too
        (
            '        if sw == SW["NORMAL"]:\n            if self.cct.algorithm is None:\n                raise SwError(SW["CONDITIONSNOTSATISFIED"])',
            '        return_data += pack([(SM_Class["PLAIN_PROCESSING_STATUS"], 2, inttostring(sw, 2))])\n'
            '        if True:\n            if self.cct.algorithm is None:\n                raise SwError(SW["CONDITIONSNOTSATISFIED"])',
        ),
    ],
    "CryptoUtils": [
        ("chr(op(ord(string1[i]), ord(string2[i])))", "op(string1[i], string2[i])"),
        ('    return "".join(result)', "    return bytes(result)"),
        # the send sequence counter is eight bytes, also when the first is zero
        ("inttostring(ssc)", "inttostring(ssc, 8)"),
    ],
    "CardGenerator": [
        ('raw_input("Please enter the MRZ as one string: ")', 'input().encode("ascii")'),
        ("dfname='\\xa0\\x00\\x00\\x02G\\x10\\x01'", "dfname=b'\\xa0\\x00\\x00\\x02G\\x10\\x01'"),
        ('DG2 = ""', 'DG2 = b""'),
        ('filedescriptor=0, data="")', 'filedescriptor=0, data=b"")'),
        ('IIB = "\\x00\\x01"', 'IIB = b"\\x00\\x01"'),
        ('6 * "\\x00"', '6 * b"\\x00"'),
        ('FRH = "FAC" + "\\x00" + "010" + "\\x00"', 'FRH = b"FAC\\x00010\\x00"'),
    ],
    "cards.ePass": [
        ('walk(mf, "\\x00\\x04\\x01\\x01")', 'walk(mf, b"\\x00\\x04\\x01\\x01")'),
    ],
    "cards.nPA": [
        ('return SW["NORMAL"], ""', 'return SW["NORMAL"], b""'),
        ('0x63c0, ""', '0x63c0, b""'),
        ('0x63c1, ""', '0x63c1, b""'),
        ('pubkey = ""', 'pubkey = b""'),
        # no Le is less than any
        ("            if le > len(data) and", "            if le is not None and le > len(data) and"),
        # a date of a file is text, the one to compare with is a number
        ("self.current_SE.at.DateOfExpiry < mine", "self.current_SE.at.DateOfExpiry < int(mine)"),
        ("self.current_SE.at.DateOfBirth < mine", "self.current_SE.at.DateOfBirth < int(mine)"),
    ],
}


class Mended(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Finds and loads the modules of EXCHANGE."""

    def find_spec(self, name, path=None, target=None):
        package, _, inner = name.partition(".")
        if package == "virtualsmartcard" and inner in EXCHANGE:
            return importlib.util.spec_from_loader(name, self, origin=self.get_filename(name))
        return None

    def get_filename(self, name):
        return str(HOME.joinpath(*name.split(".")).with_suffix(".py"))

    def get_data(self, path):
        text = pathlib.Path(path).read_text(encoding="utf-8")
        inner = path[len(str(HOME)) + len("/virtualsmartcard/") : -len(".py")].replace("/", ".")
        for found, wanted in EXCHANGE[inner]:
            text, count = re.subn(re.escape(found), lambda _: wanted, text)
            if count == 0:
                print(f"vicc.py: {path} has no {found!r}: another version of the package", file=sys.stderr)
                os._exit(69)
        return text.encode("utf-8")


class Prompt(socket.socket):
    """Acknowledges at once: vpcd sends a length and its message apart and waits for the acknowledgement, 44 ms each time."""

    def recv(self, *arguments):
        data = super().recv(*arguments)
        if self.type == socket.SOCK_STREAM:
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


sys.dont_write_bytecode = True
sys.path.insert(0, str(HOME))
if "EAC_BINDING" in os.environ:
    sys.path.insert(1, os.environ["EAC_BINDING"])
sys.meta_path.insert(0, Mended())
builtins.raw_input = input
socket.socket = Prompt
sys.argv[0] = PROGRAM
runpy.run_path(PROGRAM, run_name="__main__")
