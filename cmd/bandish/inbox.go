package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/inbox"
)

func inboxCommand() command {
	return command{
		name:  "inbox",
		usage: "[list [--folder new|accepted|refused] | show ID | accept ID | refuse ID --reason TEXT]",
		about: "look at what readers sent: list it, accept it into a draft, refuse it with a reason",
		run:   runInbox,
	}
}

func runInbox(_ context.Context, env *environment, args []string) error {
	fs := newFlags(env, "inbox")
	data := dataFlag(fs)
	folder := fs.String("folder", "new", "which `notes` to list: new, accepted or refused")
	reason := fs.String("reason", "", "why a note is refused, in a sentence")
	asJSON := fs.Bool("json", false, "print JSON")
	records := fs.String("records", "", "`folder` of the record whose names the draft uses (default: the one in the program)")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	box := inbox.Open(*data, time.Now)
	verb, id := "list", ""
	if len(rest) > 0 {
		verb = rest[0]
	}
	if len(rest) > 1 {
		id = rest[1]
	}
	switch {
	case verb == "list" && len(rest) <= 1:
		list, err := box.List(*folder)
		if err != nil {
			return usageError("%v", err)
		}
		if list == nil {
			list = []inbox.Note{}
		}
		if *asJSON {
			return printJSON(env.stdout, list)
		}
		return listNotes(terminal{env.stdout}, list)
	case len(rest) != 2:
		return usageError("inbox: want list, or show, accept or refuse with one id")
	case verb == "show":
		n, err := box.Get(id)
		if err != nil {
			return fmt.Errorf("inbox: %s: %w", id, err)
		}
		return printJSON(env.stdout, n)
	case verb == "refuse":
		if _, err := box.Decide(id, false, *reason); err != nil {
			return fmt.Errorf("inbox: %w", err)
		}
		_, err := fmt.Fprintf(env.stdout, "%s is refused; it stays under inbox/refused with the reason\n", id)
		return err
	case verb == "accept":
		return acceptNote(env, box, id, *records)
	}
	return usageError("inbox: %q is none of list, show, accept, refuse", verb)
}

func listNotes(w io.Writer, list []inbox.Note) error {
	for _, n := range list {
		text := strings.Join(strings.Fields(n.Text), " ")
		if r := []rune(text); len(r) > 80 {
			text = string(r[:79]) + "…"
		}
		if _, err := fmt.Fprintf(w, "%s  %-7s  %s\n    %s\n", n.ID, n.Kind, n.About, text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d notes\n", len(list))
	return err
}

// acceptNote prints a draft's sheet of what the note says, for a person to
// complete from the source: a reader's words are no source. It is printed before
// the note is moved, so that a failure loses nothing.
func acceptNote(env *environment, box *inbox.Box, id, records string) error {
	n, err := box.Get(id)
	if err != nil {
		return fmt.Errorf("inbox: %s: %w", id, err)
	}
	record, _, err := openRecords(records)
	if err != nil {
		return err
	}
	names, err := draftNames(record)
	if err != nil {
		return err
	}
	title := "Note " + n.ID + " on " + n.About
	d := draft.Read(&draft.Text{Title: title, Paragraphs: []draft.Paragraph{{Text: n.Text}}}, names)
	sheet, err := d.Sheet(draft.Origin{Title: title, URL: n.Source})
	if err != nil {
		return fmt.Errorf("inbox: draft from %s: %w", id, err)
	}
	if _, err := env.stdout.Write(sheet); err != nil {
		return err
	}
	_, err = box.Decide(id, true, "")
	return err
}
