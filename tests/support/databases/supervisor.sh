# Runs one database server for a test and ends it with the test, however the test ends.
#
# The test's process holds the other end of standard input and writes orders to it, one a line; each is answered with
# one line:
#
#   start PORT     runs the server in the background; answered with its process id
#   stop           ends it in its orderly, fast way
#   kill           SIGKILL for all of its processes at once, as in a crash
#   freeze, thaw   SIGSTOP, SIGCONT for all of its processes: it is there and does not answer
#
# When the input ends, because the test closed it, ended or was killed, the server is killed and its folder removed.
#
# Arguments: the folder, the signal that stops the server, the signal that ends it at once, the server's command.

folder=$1
stop_signal=$2
end_signal=$3
shift 3

server=

# The server and the processes that it started.
processes() {
    echo "$server $(cat "/proc/$server/task/$server/children" 2>/dev/null)"
}

running() {
    grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

# Waits until the processes named after the number of seconds are gone; fails when that takes longer.
gone_within() {
    rounds=$(($1 * 50))
    shift
    for process; do
        while running "$process"; do
            [ "$rounds" -gt 0 ] || return 1
            rounds=$((rounds - 1))
            sleep 0.02
        done
    done
}

# Ends the server with a signal for its first process, and with SIGKILL for all when that is not enough.
end_with() {
    [ -n "$server" ] || return 0
    all=$(processes)
    kill -CONT $all
    kill "-$1" "$server"
    gone_within "$2" $all || kill -KILL $all $(processes)
    wait "$server"
    server=
}

# The first process goes first, since it starts the others; one of those may end meanwhile, which is no failure.
freeze() {
    kill -STOP "$server" && { kill -STOP $(processes) || running "$server"; }
}

thaw() {
    kill -CONT $(processes) || running "$server"
}

kill_all() {
    [ -n "$server" ] || return 0
    freeze # so that it starts no further process
    all=$(processes)
    kill -KILL $all
    gone_within 10 $all
    wait "$server"
    server=
}

# PostgreSQL leaves a segment of shared memory when it is killed, and names it in the file with its process id.
remove_shared_memory() {
    [ -f "$folder/data/postmaster.pid" ] || return 0
    segment=$(sed -n '7s/^ *[0-9]* *\([0-9]*\) *$/\1/p' "$folder/data/postmaster.pid")
    [ -z "$segment" ] || ipcrm -m "$segment"
}

# The test may end while an order is carried out; answering nobody must not end this.
trap '' PIPE
exec 2>/dev/null

while read -r order port; do
    case $order in
    start)
        if [ -n "$server" ] && running "$server"; then
            echo "it is running already"
            continue
        fi
        "$@" "--port=$port" </dev/null >>"$folder/log" 2>&1 &
        server=$!
        echo "$server"
        ;;
    stop)
        end_with "$stop_signal" 30
        echo done
        ;;
    kill)
        kill_all
        echo done
        ;;
    freeze) freeze && echo done || echo "it is not running" ;;
    thaw) thaw && echo done || echo "it is not running" ;;
    *) echo "there is no order '$order'" ;;
    esac
done

end_with "$end_signal" 5
remove_shared_memory
rm -rf "$folder"
