package casefile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/source"
)

const seed = "nukta-moi-document"

// level is how near a sentence of the article stands to what it tells.
type level string

const (
	paper    level = "the paper says it in its own words"
	document level = "the ministry's document says it, as the paper quotes it"
	relayed  level = "the ministry's document says that another did it"
	quoted   level = "the paper quotes a person"
	noFact   level = "page furniture, or about the author: no fact of the case"
	ofSource level = "about the article itself: stands in the source"
)

// sentence is one sentence of the article that this project starts from, by
// its bytes in the extracted text: the text itself is not ours to publish.
type sentence struct {
	from, to int64
	level    level
	places   string // entries that carry it, apart by spaces
	words    string // what the first of them holds, apart by |
}

var sentences = []sentence{
	{0, 76, noFact, "", ""},
	{78, 149, ofSource, "sources/nukta-moi-document", "justifies year-long ban"},
	{151, 297, paper, "acts/moi-takes-responsibility", "full responsibility|nine days after"},
	{299, 310, noFact, "", ""},
	{312, 325, ofSource, "sources/nukta-moi-document", "Javed Hussain"},
	{327, 340, ofSource, "sources/nukta-moi-document", "correspondent"},
	{342, 409, noFact, "", ""},
	{410, 707, noFact, "", ""},
	{708, 786, noFact, "", ""},
	{787, 989, noFact, "", ""},
	{991, 1062, ofSource, "sources/nukta-moi-document", "justifies year-long ban"},
	{1064, 1135, paper, "acts/pti-summoned", "police chief|A caption"},
	{1137, 1155, ofSource, "sources/nukta-moi-document", "machine_pictures"},
	{1157, 1239, paper, "claims/agencies-incited-violence", "foreign agencies|after the election"},
	{1241, 1325, paper, "acts/khawaja-not-free-speech", "More popular platforms"},
	{1327, 1413, paper, "dockets/lhc-x", "challenge the ban"},
	{1415, 1680, document, "acts/moi-document", "obtained the document on a Monday|defends the ban|national security"},
	{1682, 1973, relayed, "acts/pta-blocks", "2024-02-17|blocks X"},
	{1975, 2130, paper, "acts/moi-takes-responsibility", "recommended the ban|8 February 2024"},
	{2132, 2177, paper, "acts/ib-report", "after the general election"},
	{2179, 2571, relayed, "acts/ib-report claims/hostile-agencies", "2024-02-17|Islamabad|hostile intelligence agencies|tentacles|X above all|false propaganda and hate material|incite violence and chaos"},
	{2573, 2754, document, "acts/ib-report", "out of control|anarchy|it does not say"},
	{2755, 2917, document, "acts/moi-document", "it claims|before too|writ of the state"},
	{2919, 3242, relayed, "acts/ib-recommendation", "immediate precautionary steps|ancillary VPN services|until the platform complies|back to normal"},
	{3244, 3451, relayed, "acts/moi-letter case", "2024-02-17|pk-pta|until further orders|ib-recommendation"},
	{3453, 3489, paper, "acts/khawaja-not-free-speech", "rejects it"},
	{3491, 3656, paper, "acts/khawaja-not-free-speech", "2024-12|Minister of State|can still be reached"},
	{3658, 3746, quoted, "claims/not-about-free-speech", "wrong impression"},
	{3747, 3885, quoted, "acts/khawaja-not-free-speech claims/not-about-free-speech", "the most users"},
	{3887, 4104, quoted, "claims/under-two-percent claims/not-about-free-speech", "below 2 %"},
	{4106, 4297, document, "acts/x-not-registered claims/x-not-registered-claim", "neither registered|memorandum or agreement"},
	{4298, 4505, document, "acts/moi-document", "foreign entity|regulatory framework|legal directives"},
	{4507, 4553, paper, "claims/x-no-cooperation", "does not comply"},
	{4555, 4787, document, "acts/moi-document", "no legal presence|accountability|adherence to the law"},
	{4788, 4958, document, "acts/moi-document", "necessary step|compel the platform|sovereignty and legal jurisdiction"},
	{4960, 5115, document, "acts/fia-requests", "Cyber Crime Wing"},
	{5116, 5339, relayed, "acts/fia-requests disputes/campaign-against-whom", "numerous requests|through the PTA|significant action|defamatory campaign"},
	{5341, 5637, document, "claims/x-no-cooperation acts/moi-document disputes/did-x-answer", "does not comply|lacks responsiveness"},
	{5639, 5867, relayed, "acts/fia-firs claims/firs-hundreds", "several criminal cases|hundreds of accounts|calls evidence|does not adhere"},
	{5869, 6083, document, "acts/moi-document", "justifies regulatory measures further"},
	{6085, 6257, document, "acts/moi-document", "no alternative|for a time"},
	{6258, 6434, document, "acts/moi-document dockets/ihc-x dockets/shc-x dockets/lhc-x", "submitted its responses|Islamabad, Sindh and Lahore"},
	{6436, 6638, paper, "claims/one-of-the-longest", "for a time before, during unrest|among the longest"},
	{6640, 6648, noFact, "", ""},
	{6650, 6680, noFact, "", ""},
}

// Every sentence of the article has an entry that carries it, with the right
// voice, and a citation that lies within the sentence.
func TestEverySentenceOfTheSeed(t *testing.T) {
	r := load(t)
	c := r.Case("pk-2024-x")
	for _, s := range sentences {
		paths := strings.Fields(s.places)
		if (s.level == noFact) != (len(paths) == 0) {
			t.Errorf("sentence at %d: places %v for %q", s.from, paths, s.level)
		}
		for i, path := range paths {
			p := place{fact: string(s.level), path: "pk-2024-x/" + path}
			for _, word := range strings.Split(s.words, "|") {
				if p.word = word; i == 0 {
					p.check(t, r)
				}
			}
			if s.level != ofSource && !citedWithin(t, r, path, s.from, s.to) {
				t.Errorf("sentence at %d: no citation of %s lies in it", s.from, path)
			}
			s.voice(t, r, c, path)
		}
	}
}

// citedWithin reports that the entry cites a passage between two bytes.
func citedWithin(t *testing.T, r *casefile.Records, path string, from, to int64) bool {
	t.Helper()
	found := false
	eachCite(entryAt(r, "pk-2024-x/"+path), func(cite casefile.Cite) {
		found = found || cite.Source == seed && cite.Offset != nil && *cite.Offset >= from && *cite.Offset+cite.Length <= to
	})
	return found
}

// voice checks who asserts an act against the level of its sentence.
func (s sentence) voice(t *testing.T, r *casefile.Records, c *casefile.Case, path string) {
	t.Helper()
	a := c.Act(strings.TrimPrefix(path, "acts/"))
	if a == nil {
		return
	}
	by := func(who, in string) bool {
		return slices.ContainsFunc(a.AssertedBy, func(x casefile.Assertion) bool { return x.Who == who && x.In == in })
	}
	switch s.level {
	case relayed:
		if !by("pk-moi", "moi-document") {
			t.Errorf("sentence at %d: %s is not told by the ministry's document: %s", s.from, a.ID, r.Attribution(c, a))
		}
	case paper, quoted, document:
		if len(a.AssertedBy) == 0 {
			t.Errorf("sentence at %d: %s does not say who asserts it", s.from, a.ID)
		}
	}
	if w := r.Weigh(c, a); len(a.Cites) == 1 && w.Confidence == "high" {
		t.Errorf("%s rests on this article alone and is called %s", a.ID, w.Confidence)
	}
}

// article gives the text in which the offsets count; the test skips where the
// article is not at hand.
func article(t *testing.T) string {
	t.Helper()
	text, err := source.ReadText([]byte(sharedFile(t, "seed/article.txt")), "text/plain", "")
	if err != nil {
		t.Fatal(err)
	}
	return text.Body
}

// The sentences above are the whole article: between them stand only spaces.
func TestSentencesAreTheWholeSeed(t *testing.T) {
	text, at := article(t), int64(0)
	for _, s := range sentences {
		if strings.TrimSpace(text[at:s.from]) != "" {
			t.Errorf("bytes %d to %d of the article stand in no sentence", at, s.from)
		}
		at = s.to
	}
	if strings.TrimSpace(text[at:]) != "" {
		t.Errorf("the article goes on behind byte %d", at)
	}
}

// With the article at hand every citation of it verifies; one changed letter
// breaks exactly the citations of its passage.
func TestCitationsOfTheSeed(t *testing.T) {
	r, text := load(t), article(t)
	c := r.Case("pk-2024-x")
	bound := r.Source(c, seed).Copy
	raw, err := os.ReadFile(filepath.Join(sharedDir(), "seed", "article.txt"))
	if err != nil || bound == nil || !bound.Withheld || bound.SHA256 != source.SHA256(raw) {
		t.Fatalf("the source is bound to %+v (%v)", bound, err)
	}
	holds := func(text string) casefile.Copies {
		return func(sha string) (string, bool) { return text, sha == bound.SHA256 }
	}
	n := 0
	for _, cite := range casefile.Cites(c) {
		if cite.Source != seed {
			continue
		}
		if n++; r.Stand(c, cite, holds(text)) != casefile.Verified {
			t.Errorf("%q at %s: %s", cite.Phrase, cite.Place(), r.Stand(c, cite, holds(text)))
		}
	}
	if n < 45 {
		t.Errorf("only %d citations of the article", n)
	}
	for i := 0; i < len(text); i += 97 {
		if text[i] < 'a' || text[i] > 'y' {
			continue
		}
		changed := text[:i] + string(text[i]+1) + text[i+1:]
		for _, cite := range casefile.Cites(c) {
			if cite.Source != seed {
				continue
			}
			within := int64(i) >= *cite.Offset && int64(i) < *cite.Offset+cite.Length
			if broken := r.Stand(c, cite, holds(changed)) != casefile.Verified; broken != within {
				t.Errorf("letter %d changed: %q, which stands at %s, is broken: %t", i, cite.Phrase, cite.Place(), broken)
			}
		}
	}
}
