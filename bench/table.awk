# From the runs of all rounds to one markdown table of medians.
# Input: idle.tsv (server, bytes), then records.tsv (scenario, server, round, JSON). Ratios are to the server `base` (nginx).

BEGIN {
    FS = "\t"
    if (base == "") base = "nginx"
    print "| scenario | server | requests/s | p50 µs | p99 µs | first byte p50 µs | added to first byte µs |" \
        " pieces per answer | CPU-s per 1,000 | × " base " (rounds) | core busy | RSS idle MB | RSS under load MB | errors |"
    print "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
}

NF == 2 { idle[$1] = $2; next }

{
    scenario = $1; server = $2; round = $3
    if (!(scenario in seen)) { scenarios[++scenario_count] = scenario; seen[scenario] = 1 }
    if (!(server in known)) { servers[++server_count] = server; known[server] = 1 }
    if (round > rounds) rounds = round
    key = scenario SUBSEP server SUBSEP round
    rps[key] = value("rps"); p50[key] = value("p50_us"); p99[key] = value("p99_us")
    first[key] = value("ttfb_p50_us"); cpu[key] = value("cpu_seconds_per_1000"); busy[key] = value("cpu_busy")
    pieces[key] = value("frames_per_response"); rss[key] = value("rss_bytes"); errors[scenario, server] += value("errors")
}

END {
    for (i = 1; i <= scenario_count; i++)
        for (j = 1; j <= server_count; j++)
            row(scenarios[i], servers[j])
}

# A number of the flat JSON in the fourth column; empty for null.
function value(name,    text) {
    if (!match($4, "\"" name "\":[-0-9.e]+")) return ""
    text = substr($4, RSTART, RLENGTH)
    sub(/.*:/, "", text)
    return text
}

function row(scenario, server,    r, key, floor, direct, added, ratio, resident, line) {
    # Ratios and differences are taken within a round, where both sides saw the same machine, and only then the median.
    for (r = 1; r <= rounds; r++) {
        key = scenario SUBSEP server SUBSEP r
        floor = cpu[scenario, base, r]; direct = first[scenario, "direct", r]
        if (cpu[key] != "" && floor > 0) ratio[r] = cpu[key] / floor
        if (scenario == "first-token" && server != "direct" && first[key] != "" && direct != "") added[r] = first[key] - direct
        if (rss[key] > resident) resident = rss[key]
    }
    line = "| " scenario " | " server
    line = line " | " shown(of(rps, scenario, server), "%.0f") " | " shown(of(p50, scenario, server), "%.0f")
    line = line " | " shown(of(p99, scenario, server), "%.0f") " | " shown(of(first, scenario, server), "%.0f")
    line = line " | " shown(median(added), "%.0f") " | " shown(of(pieces, scenario, server), "%.1f")
    line = line " | " shown(of(cpu, scenario, server), "%.4f")
    line = line " | " (server == base ? "1" : spread(ratio)) " | " shown(of(busy, scenario, server), "%.2f")
    line = line " | " (server in idle ? sprintf("%.1f", idle[server] / 1e6) : "–")
    line = line " | " (resident ? sprintf("%.1f", resident / 1e6) : "–") " | " errors[scenario, server] " |"
    print line
}

function of(table, scenario, server,    r, values) {
    for (r = 1; r <= rounds; r++)
        if (table[scenario, server, r] != "") values[r] = table[scenario, server, r]
    return median(values)
}

function median(values,    n, sorted) {
    n = sort(values, sorted)
    if (!n) return ""
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function spread(values,    n, sorted) {
    n = sort(values, sorted)
    if (!n) return "–"
    return sprintf("%.2f (%.2f–%.2f)", median(values), sorted[1], sorted[n])
}

# Few values, and no sort in POSIX awk: by insertion, as numbers.
function sort(values, sorted,    n, i, k) {
    for (k in values) {
        for (i = ++n; i > 1 && sorted[i - 1] > values[k] + 0; i--) sorted[i] = sorted[i - 1]
        sorted[i] = values[k] + 0
    }
    return n
}

function shown(number, format) { return number == "" ? "–" : sprintf(format, number) }
