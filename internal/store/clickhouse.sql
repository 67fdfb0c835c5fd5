-- The tables in ClickHouse that `bandish publish clickhouse` fills and that
-- `--store clickhouse://…` asks. Their columns are those of the segments
-- (docs/formats/columns.md); a test compares them with the row types. The program also
-- takes from here the declarations of the columns when ClickHouse reads the segments as
-- files.
--
-- Each row carries the name of its segment and its place in it, so publishing a segment
-- twice gives the same rows. A question names the segments that it is about, so no answer
-- holds rows of a segment that has been replaced.

-- The segments that the tables hold whole.
CREATE TABLE IF NOT EXISTS segments
(
    view LowCardinality(String),
    segment String,
    rows UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (view, segment);

CREATE TABLE IF NOT EXISTS verdicts
(
    measurement_uid String,
    report_id String,
    sender String,
    measurement_start_time DateTime64(6, 'UTC'),
    probe_cc String,
    probe_asn UInt32,
    resolver_asn UInt32,
    test_name String,
    software String,
    platform String,
    input String,
    target String,
    domain String,
    state String,
    dns Tuple(outcome String, rule String),
    tcp Tuple(outcome String, rule String),
    tls Tuple(outcome String, rule String),
    http Tuple(outcome String, rule String),
    quic Tuple(outcome String, rule String),
    app Tuple(outcome String, rule String),
    mechanisms Array(String),
    rules Array(String),
    ruleset String,
    bytes_per_second Float32,
    fingerprints String,
    invalid String,
    marks Array(String),
    raw String,
    line UInt32,
    channel String,
    content UInt64,
    segment LowCardinality(String),
    row UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (probe_cc, target, measurement_start_time, measurement_uid, segment, row);

CREATE TABLE IF NOT EXISTS observations
(
    measurement_uid String,
    report_id String,
    sender String,
    measurement_start_time DateTime64(6, 'UTC'),
    probe_cc String,
    probe_asn UInt32,
    resolver_asn UInt32,
    test_name String,
    test_version String,
    software String,
    engine String,
    platform String,
    network_type String,
    input String,
    target String,
    marks Array(String),
    defects Array(String),
    raw String,
    line UInt32,
    channel String,
    content UInt64,
    seq UInt16,
    name String,
    ip String,
    ipv4 String,
    port UInt16,
    ip_asn UInt32,
    hop UInt8,
    literal Bool,
    transport String,
    dns String,
    dns_engines Array(String),
    dns_type String,
    dns_seconds Float64,
    cnames Array(String),
    dns_late Array(String),
    dns_extended Array(String),
    tcp String,
    tcp_seconds Float64,
    tls String,
    tls_seconds Float64,
    tls_version String,
    server_name String,
    no_verify Bool,
    cert String,
    cert_sha256 String,
    cert_subject String,
    cert_issuer String,
    trust_store String,
    quic String,
    quic_seconds Float64,
    http String,
    http_seconds Float64,
    url String,
    status UInt16,
    body_bytes Int64,
    body_truncated Bool,
    body_sha256 String,
    title String,
    headers Array(String),
    location String,
    server String,
    leads_to String,
    fingerprints Array(String),
    header_lines Array(String),
    fingerprint_set String,
    tunnel String,
    tunnel_seconds Float64,
    tunnel_kind String,
    read_bytes Int64,
    read_count UInt32,
    read_seconds Float64,
    max_gap Float64,
    wrote_bytes Int64,
    pace Float64,
    pace_trips Float64,
    pace_reference Float64,
    pace_named Float64,
    pace_own Float64,
    contrasts Array(String),
    control_state String,
    control_dns String,
    control_addrs Array(String),
    control_asns Array(UInt32),
    control_tcp String,
    control_tls String,
    control_quic String,
    control_http String,
    control_status UInt16,
    control_body_bytes Int64,
    control_title String,
    control_headers Array(String),
    control_server String,
    segment LowCardinality(String),
    row UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (probe_cc, target, measurement_start_time, measurement_uid, segment, row);

CREATE TABLE IF NOT EXISTS cells
(
    target String,
    probe_cc String,
    probe_asn UInt32,
    layer String,
    start Int64,
    span Int64,
    measurements UInt32,
    ok UInt32,
    blocked UInt32,
    likely_blocked UInt32,
    impaired UInt32,
    down UInt32,
    insufficient UInt32,
    aside UInt32,
    informing UInt32,
    informing_bad UInt32,
    reports UInt32,
    vote_blocked UInt32,
    vote_impaired UInt32,
    vote_ok UInt32,
    vote_down UInt32,
    first_bad Int64,
    last_bad Int64,
    first_ok Int64,
    last_ok Int64,
    first_bad_uid String,
    last_bad_uid String,
    first_ok_uid String,
    last_ok_uid String,
    voices Array(Tuple(report UInt32, bad UInt32, ok UInt32)),
    tallies Array(Tuple(kind String, name String, bad UInt32, ok UInt32)),
    segment LowCardinality(String),
    row UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (probe_cc, target, probe_asn, layer, start, segment, row);

CREATE TABLE IF NOT EXISTS layers AS cells
ENGINE = ReplacingMergeTree
ORDER BY (probe_cc, target, probe_asn, layer, start, segment, row);

CREATE TABLE IF NOT EXISTS hours AS cells
ENGINE = ReplacingMergeTree
ORDER BY (probe_cc, target, probe_asn, layer, start, segment, row);
