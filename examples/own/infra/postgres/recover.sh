# Runs a server as another one was: recover.sh FOLDER BASE SOCKET OPTION... where FOLDER is to be made
# for its data, BASE is a base backup, and SOCKET the folder in which it is to be met.
#
# It runs until its input ends, as that of whoever wants it does, and leaves nothing.
set -eu
umask 077
folder=$1 base=$2 socket=$3
shift 3
trap 'rm -rf "$folder" "$socket"' EXIT
rm -rf "$folder"
mkdir "$folder" "$socket"
tar -xzf "$base/base.tar.gz" -C "$folder"
tar -xzf "$base/pg_wal.tar.gz" -C "$folder/pg_wal"
touch "$folder/recovery.signal"
# What runs in the background has no input of its own.
exec 3<&0
postgres -D "$folder" -c "unix_socket_directories=$socket" "$@" &
server=$!
(
  read -r _ <&3 || true
  kill -INT "$server"
) &
status=0
wait "$server" || status=$?
kill $! 2>/dev/null || true
exit "$status"
