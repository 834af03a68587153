#!/bin/bash
# usage: http-load.sh ADDRESS PORT FILE
# One HTTP request after the other, each on a connection of its own, for as long as FILE exists. Each has 5 s. Prints
#   <requests> <of them refused, reset, timed out or answered wrong> <worst, in ms> <last answer>
# No other program is started, so a machine with nothing on it can do some thousand a second.
set -u
address=$1 port=$2 file=$3
trap '' PIPE # a connection that was reset is a failure to count, not an end
count=0 failed=0 worst=0 body=
micros() { now=${EPOCHREALTIME/[.,]/}; }

request() { # PATH: sets body to the answer's
    local line=
    body=
    exec 3<> "/dev/tcp/$address/$port" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n' "$1" >&3 || return 1
    read -r -t 5 -u 3 line && [[ $line == HTTP/1.1\ 200* ]] || return 1
    while read -r -t 5 -u 3 line && [ "$line" != $'\r' ]; do :; done
    read -r -t 5 -u 3 body && [[ $body == "$1 "* ]]
}

while [ -e "$file" ]; do
    count=$((count + 1))
    micros
    begin=$now
    request "/$count" 2> /dev/null || failed=$((failed + 1))
    exec 3>&- 2> /dev/null
    micros
    [ $((now - begin)) -le $worst ] || worst=$((now - begin))
done
echo "$count $failed $((worst / 1000)) $body"
