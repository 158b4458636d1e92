# Archives one file of the log of changes: what `archive_command` in postgresql.conf runs, in the data
# folder, with the path of the file and its name.
#
# Without a base backup nobody could use the file. `make backup` makes one, and the folder for it.
set -eu
identifier=$(LC_ALL=C pg_controldata -D . | sed -n 's/^Database system identifier: *//p')
archive=../archive/${identifier:?}
[ -d "$archive" ] || exit 0
kept=$archive/$2.gz
if [ -e "$kept" ]; then
  # After a crash the server asks for it again. With another content it is another server's.
  gzip -dc "$kept" | cmp -s - "$1"
  exit
fi
gzip -c "$1" >"$kept.partial"
sync "$kept.partial"
mv "$kept.partial" "$kept"
sync "$archive"
