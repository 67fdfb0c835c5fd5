package bundle

import (
	"fmt"
	"strings"
)

// howTo returns the text of HOW-TO-VERIFY.txt.
func (c *Contents) howTo() string {
	var b strings.Builder
	b.WriteString(`HOW TO CHECK THIS BUNDLE

1. With bandish-verify

       bandish-verify --key KEYFILE --timestamp-roots ROOTS.pem bundle.zip

   or open bandish-verify.html in a browser, without network, and drop the ZIP
   file on it. KEYFILE holds the verifier string of the server's log. Get it from
   somewhere else than this bundle: from the server's own page, from an article,
   from a witness, from a bundle that you have had for long. What ledger/key.txt
   says was written by whoever made the bundle. ROOTS.pem, which may be left out,
   holds root certificates of authorities whose time stamps you trust.

   The program hashes every file again, checks proofs and signatures, derives
   observations, verdicts, counts, dated bans and answers again from the raw
   measurements, and says of each point: proved, not proved and why, or false.

2. With sha256sum alone (on macOS: shasum -a 256)

       unzip bundle.zip -d bundle && cd bundle && sha256sum -c SHA256SUMS

   This shows that the files are those that the bundle was made with. The hash of
   the ZIP file itself stands wherever somebody wrote it down when they got it.

3. What was measured

       gunzip -k raw/*.gz observations.jsonl.gz verdicts.jsonl.gz

   A line of raw/ is one document: where it came from and when, and under
   "document" the measurement as it was received, in OONI's published format.
   parameters/rules.md says each rule in words; verdicts.jsonl names the rules
   that fired.
`)
	if c.Proofs == nil {
		b.WriteString(`
4. What vouches for it

   No log binds what is enclosed: it rests on this operator's word alone.
`)
		return b.String()
	}
	b.WriteString(`
4. The log, with public tools

   ledger/entries/N.json.tlog-proof is a proof of the form c2sp.org/tlog-proof:
   every tool for it checks that the bytes of ledger/entries/N.json are in the
   log, under the key that you bring.

5. The log, with openssl alone

   The head of the log, ledger/checkpoint, is text, an empty line, and signatures.
   A line of signature is: a dash, a name, and base64 of 4 bytes that name the key
   and of the signature. The last part of the verifier string (after the second +)
   is base64 of one byte (1: Ed25519) and the 32 bytes of the public key.

       VKEY='the verifier string that you brought'
       NAME=${VKEY%%+*}
       (printf '\060\052\060\005\006\003\053\145\160\003\041\000'
        printf %s "${VKEY#*+*+}" | base64 -d | tail -c 32) >key.der
       sed '/^$/,$d' ledger/checkpoint >text
       grep "^— $NAME " ledger/checkpoint | head -n 1 | sed 's/.* //' | base64 -d | tail -c 64 >signature
       openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature

   The third line of text is the root of the log's tree. The leaf of an entry is
   SHA-256 of a zero byte and the entry:

       (printf '\000'; cat ledger/entries/N.json) | openssl dgst -sha256

   and the proof's lines are the hashes beside the path from the leaf to the root,
   lowest first: a node is SHA-256 of a byte 1, the left hash and the right hash
   (RFC 6962).

6. One measurement

   An entry of the type batch has "root": the root of such a tree over the
   documents of the batch. The leaf of a document is its line in raw/ with
   ,"sha256":"…"} in the place of ,"document":…} where … is the SHA-256 of the
   document; ledger/documents.jsonl holds the paths.
`)
	if len(c.Proofs.Stamps) > 0 {
		n := c.Proofs.Stamps[0].size()
		fmt.Fprintf(&b, `
7. When it existed, with openssl alone

   An authority dated the log as it was (RFC 3161). ROOTS.pem holds the authority's
   root certificate: get it from the authority, and not from this bundle
   (ledger/timestamps/roots.pem, where it is enclosed, is what the operator names).

       openssl ts -verify -in %[1]s -data %[2]s -CAfile ROOTS.pem
       openssl ts -reply -in %[1]s -text

   The second line prints the time and who says it. -attime SECONDS lets the first
   check certificates as of that time, where they have run out since. The entries of
   the log up to the number in the name existed by then: %[3]s
   ties that log to ledger/checkpoint (the consistency proof of RFC 6962; there is
   none where both have the same number of entries, and so the same root).
`, stampName(n, "tsr"), stampName(n, "checkpoint"), stampName(n, "path.json"))
	}
	return b.String()
}
