#!/usr/bin/env bash
# Each fuzzer over its seeds, then FUZZ_SECONDS of new inputs.  What breaks is
# kept in obj-fuzz/crashes/, and what was found new in obj-fuzz/corpus/.
set -u
here=$(cd "$(dirname "$0")" && pwd)
obj=$here/../../obj-fuzz
seconds=${FUZZ_SECONDS:-5}
fuzzers=${FUZZERS:-$(cd "$here" && for c in *.c; do echo "${c%.c}"; done)}
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1

n=0 bad=0
for f in $fuzzers; do
	n=$((n + 1))
	mkdir -p "$obj/corpus/$f" "$obj/crashes"
	seeds=$here/seeds/$f
	[ -d "$seeds" ] || seeds=
	if "$obj/regress/fuzz/$f" -rss_limit_mb=1024 -timeout=10 \
	    -print_final_stats=1 -verbosity=1 -max_total_time="$seconds" \
	    -artifact_prefix="$obj/crashes/$f-" \
	    "$obj/corpus/$f" ${seeds:+"$seeds"} >"$obj/$f.log" 2>&1; then
		runs=$(sed -n 's/.*number_of_executed_units: *//p' "$obj/$f.log")
		echo "ok $n - $f: ${runs:-?} inputs in ${seconds} s"
	else
		bad=1
		echo "not ok $n - $f"
		tail -n 60 "$obj/$f.log" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $bad
