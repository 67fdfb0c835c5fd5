// A client made from the OpenAPI document reads every address of a server.
// Usage: node read.js http://127.0.0.1:8080 openapi.json
import createClient from "openapi-fetch";
import { readFileSync } from "node:fs";
import type { paths } from "./api.js";

const [base, file] = process.argv.slice(2);
if (!base || !file) throw new Error("usage: read.js BASE openapi.json");
const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: base });
const failures: string[] = [];

// Typed: the compiler holds what is asked and read against the document.
const answer = await client.GET("/api/v1/answer", { params: { query: { country: "PK", target: "x", at: "2024-03-14" } } });
const data = answer.data;
if (!data || data.probe_cc !== "PK" || data.target !== "x") failures.push(`answer: ${JSON.stringify(answer.error)}`);
const since: string | null | undefined = data?.since?.latest;
const networks: number = data?.counts.networks ?? 0;
console.log(`${data?.state} by ${data?.basis}, since ${since}, ${networks} networks measured`);
const wrong = await client.GET("/api/v1/answer", { params: { query: { country: "P1", target: "x" } } });
if (wrong.response.status !== 422 || !wrong.error?.detail?.includes("two letters")) failures.push(`wrong country: ${wrong.response.status} ${wrong.error?.detail}`);

// A list, page by page.
let cursor: string | undefined;
let rows = 0;
do {
  const page = await client.GET("/api/v1/acts", { params: { query: { case: "pk-2024-x", limit: 10, cursor } } });
  if (!page.data) { failures.push(`acts: ${JSON.stringify(page.error)}`); break; }
  rows += page.data.results.length;
  cursor = page.data.next_cursor ?? undefined;
} while (cursor);
if (rows < 20) failures.push(`acts: only ${rows} rows`);

// Every address: by its example, or where that names something by an id, by one
// that a list gave.
const document = JSON.parse(readFileSync(file, "utf8"));
const verdicts = await client.GET("/api/v1/verdicts", { params: { query: { limit: 1 } } });
const events = await client.GET("/api/v1/events", { params: { query: { limit: 1 } } });
const segments = await client.GET("/api/v1/segments", { params: { query: { limit: 1 } } });
const uid = verdicts.data?.results[0]?.measurement_uid;
const asn = verdicts.data?.results[0]?.probe_asn;
const known: Record<string, string | undefined> = {
  "/api/v1/verdicts/{uid}": uid && `/api/v1/verdicts/${uid}`,
  "/api/v1/receipts/{uid}": uid && `/api/v1/receipts/${uid}`,
  "/api/v1/events/{id}": events.data?.results[0] && `/api/v1/events/${events.data.results[0].id}`,
  "/api/v1/networks/{network}": asn ? `/api/v1/networks/AS${asn}` : undefined,
  "/api/v1/segments/{kind}/{period}/{file}": segments.data?.results[0]?.path,
};
let read = 0;
for (const [path, item] of Object.entries<any>(document.paths)) {
  const at = path in known ? known[path] : item.get["x-example"];
  if (!at) { failures.push(`${path}: the server has nothing to read there`); continue; }
  const r = await fetch(base + at);
  const kind = (r.headers.get("content-type") ?? "").split(";")[0];
  if (r.status !== 200 || !item.get.responses["200"].content[kind]) failures.push(`${at}: ${r.status} ${kind}`);
  if (kind === "application/json") await r.json(); else await r.arrayBuffer();
  read++;
}
console.log(`${read} of ${Object.keys(document.paths).length} addresses read, ${rows} acts by pages`);
if (failures.length) { console.error(failures.join("\n")); process.exit(1); }
