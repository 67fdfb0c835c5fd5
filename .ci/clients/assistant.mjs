// An assistant asks a server by MCP, over HTTP and by standard input.
// Usage: node assistant.mjs http://127.0.0.1:8080 bandish DATA
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [base, program, data] = process.argv.slice(2);
if (!base || !program || !data) throw new Error("usage: assistant.mjs BASE PROGRAM DATA");
const wanted = ["ban_history", "case_chronology", "check_claim", "cite", "evidence_for", "find_case", "is_blocked", "search"];
const answers = [];
for (const [name, transport] of [
  ["HTTP", new StreamableHTTPClientTransport(new URL(base + "/mcp"))],
  ["stdio", new StdioClientTransport({ command: program, args: ["mcp", "--data", data, "--base-url", base] })],
]) {
  const client = new Client({ name: "bandish-check", version: "1" });
  await client.connect(transport);
  const names = (await client.listTools()).tools.map((t) => t.name).sort();
  if (names.join() !== wanted.join()) throw new Error(`${name}: the tools are ${names}`);
  const call = async (tool, args) => {
    const r = await client.callTool({ name: tool, arguments: args });
    if (r.isError) throw new Error(`${name}: ${tool}: ${r.content[0].text}`);
    const said = r.structuredContent;
    for (const field of ["text", "address", "date", "basis"]) if (!said[field]) throw new Error(`${name}: ${tool} says no ${field}`);
    if (!said.address.startsWith(base)) throw new Error(`${name}: ${tool}: address ${said.address}`);
    return said;
  };
  const said = [
    await call("is_blocked", { country: "PK", target: "x", at: "2024-03-14" }),
    await call("ban_history", { country: "PK", target: "x" }),
    await call("check_claim", { country: "PK", target: "x", at: "2024-03-13", claim: "accessible" }),
    await call("find_case", { country: "PK" }),
    await call("case_chronology", { case: "pk-2024-x" }),
    await call("search", { query: "high court", limit: 3 }),
    await call("cite", { country: "PK", target: "x" }),
  ];
  const refused = await client.callTool({ name: "is_blocked", arguments: { country: "Pakistan", target: "x" } });
  if (!refused.isError || !refused.content[0].text.includes("two letters")) throw new Error(`${name}: a wrong country is not refused`);
  const rules = await client.readResource({ uri: "bandish://rules" });
  if (JSON.parse(rules.contents[0].text).rules.length < 50) throw new Error(`${name}: the rules are not whole`);
  answers.push(JSON.stringify(said));
  await client.close();
}
if (answers[0] !== answers[1]) throw new Error("HTTP and stdio say different things");
console.log(`8 tools and the resources, over HTTP and stdio: ${JSON.parse(answers[0])[0].text}`);
