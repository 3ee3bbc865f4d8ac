# Turns what `go test -bench` prints into one line of JSON a benchmark, and fails if a benchmark failed.
/^pkg: / { pkg = $2 }
/^Benchmark/ && NF >= 4 {
  name = $1
  sub(/-[0-9]+$/, "", name)
  line = sprintf("{\"bench\":\"%s\",\"package\":\"%s\",\"n\":%s", name, pkg, $2)
  for (i = 3; i + 1 <= NF; i += 2) line = line sprintf(",\"%s\":%s", $(i + 1), $i)
  print line "}"
  next
}
/^(goos|goarch|pkg|cpu|PASS|ok)/ { next }
/^(FAIL|---|panic)/ { bad = 1 }
{ print > "/dev/stderr" }
END { exit bad }
