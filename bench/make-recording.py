#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a recording of random events of kvmtrace's kinds to standard output, the same each time.

usage: make-recording.py RECORDS > FILE
"""
import random
import struct
import sys

# Event ids and their numbers of data words.
EVENTS = [(0x10001, 0), (0x10002, 3), (0x20001, 3), (0x20002, 1), (0x20004, 2), (0x20005, 2), (0x20006, 3),
          (0x2000A, 3), (0x2000C, 5), (0x20010, 0), (0x20013, 1), (0x20099, 4)]
choice = random.Random(1)
time = 10**12
for _ in range(int(sys.argv[1])):
    event, words = choice.choice(EVENTS)
    time += choice.randrange(1, 5000)
    data = [choice.getrandbits(choice.choice((8, 32))) for _ in range(words)]
    head = struct.pack("<IIIQ", 1 << 31 | words << 28 | event, 4242, choice.randrange(8), time)
    sys.stdout.buffer.write(head + struct.pack("<%dI" % words, *data))
