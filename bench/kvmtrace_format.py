#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The original kvmtrace_format's way in Python 3: what `kvm-trace format` is compared with.

usage: kvmtrace_format.py DEFINITIONS < RECORDING

Step by step what the original does for each record: a read for each part, its size asked of struct, rules found by the
event's number as text, one dictionary and one `%` for each line. Only the rule's eval() became int().
"""
import struct
import sys

WORDS = {0: "", 1: "I", 2: "II", 3: "III", 4: "IIII", 5: "IIIII"}


def read_rules(path):
    rules = {}
    for line in open(path):
        if line[0] not in "#\n":
            number, text = line.rstrip("\n").split(None, 1)
            rules[str(int(number, 0))] = text
    return rules


def main():
    rules = read_rules(sys.argv[1])
    stdin = sys.stdin.buffer
    last = 0
    while True:
        head = stdin.read(struct.calcsize("III"))
        if not head:
            break
        event, pid, vcpu = struct.unpack("III", head)
        count = event >> 28 & 7
        timed = event >> 31
        tsc = 0
        if timed == 1:
            part = stdin.read(struct.calcsize("Q"))
            if not part:
                break
            tsc = struct.unpack("Q", part)[0]
        words = [0, 0, 0, 0, 0]
        if count > 0:
            part = stdin.read(struct.calcsize(WORDS[count]))
            if not part:
                break
            words[:count] = struct.unpack(WORDS[count], part)
        event &= 0x0FFFFFFF
        relative = tsc - last if last > 0 and timed == 1 else 0
        if timed == 1:
            last = tsc
        fields = {
            "tsc": tsc,
            "event": event,
            "reltsc": relative,
            "pid": pid,
            "vcpu": vcpu,
            "1": words[0],
            "2": words[1],
            "3": words[2],
            "4": words[3],
            "5": words[4],
        }
        if str(event) in rules:
            print(rules[str(event)] % fields)
        elif str(0) in rules:
            print(rules[str(0)] % fields)


main()
