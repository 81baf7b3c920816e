#!/bin/sh
# What could touch the machine itself is not there on a sandbox host.
echo "${0##*/}: not on a sandbox host" >&2
exit 127
