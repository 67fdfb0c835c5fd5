package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/spf13/cobra"
)

func inboxCommand(env *environment) *cobra.Command {
	return withDefault(inboxListing(env, "inbox", "look at what readers sent; accept it into a draft, or refuse it with a reason"),
		inboxListing(env, "list", "list the notes of a folder"), inboxShowCommand(env), inboxAcceptCommand(env), inboxRefuseCommand(env))
}

// inboxListing is the command `bandish inbox`, and `bandish inbox list`.
func inboxListing(env *environment, use, short string) *cobra.Command {
	folder, asJSON := "", false
	c := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: doing(func(context.Context, []string) error {
		list, err := env.inbox().List(folder)
		if err != nil {
			return usageError("%v", err)
		}
		if list == nil {
			list = []inbox.Note{}
		}
		if asJSON {
			return printJSON(env.stdout, list)
		}
		return listNotes(terminal{env.stdout}, list)
	})}
	c.Flags().StringVar(&folder, "folder", "new", "which `notes` to list: new, accepted or refused")
	c.RegisterFlagCompletionFunc("folder", completing(words("new", "accepted", "refused")))
	jsonFlag(c, &asJSON)
	return c
}

func (env *environment) inbox() *inbox.Box { return inbox.Open(env.data, time.Now) }

// noteValues returns the ids of the new notes.
func (env *environment) noteValues() []string {
	list, err := env.inbox().List("new")
	if err != nil {
		return nil
	}
	var out []string
	for _, n := range list {
		out = append(out, n.ID+"\t"+n.About)
	}
	return out
}

func inboxShowCommand(env *environment) *cobra.Command {
	asJSON := true // there is no other format yet
	c := &cobra.Command{Use: "show ID", Short: "print a note as JSON", ValidArgsFunction: firstOf(env.noteValues), Args: oneArg("the id of a note"), Annotations: map[string]string{argumentsNote: "ID  of a note; `bandish inbox` lists them"},
		RunE: doing(func(_ context.Context, args []string) error {
			n, err := env.inbox().Get(args[0])
			if err != nil {
				return fmt.Errorf("inbox: %s: %w", args[0], err)
			}
			return printJSON(env.stdout, n)
		})}
	jsonFlag(c, &asJSON)
	return c
}

func inboxRefuseCommand(env *environment) *cobra.Command {
	reason := ""
	c := &cobra.Command{Use: "refuse ID --reason TEXT", Short: "refuse a note; it is kept with the reason", ValidArgsFunction: firstOf(env.noteValues), Args: oneArg("the id of a note"), Annotations: map[string]string{argumentsNote: "ID  of a note; `bandish inbox` lists them"},
		RunE: doing(func(_ context.Context, args []string) error {
			if _, err := env.inbox().Decide(args[0], false, reason); err != nil {
				return fmt.Errorf("inbox: %w", err)
			}
			_, err := fmt.Fprintf(env.stdout, "%s is refused; it stays under inbox/refused with the reason\n", args[0])
			return err
		})}
	c.Flags().StringVar(&reason, "reason", "", "why the note is refused, a `text` of one sentence")
	return c
}

func inboxAcceptCommand(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "accept ID", Short: "accept a note, and print a draft of what it says", ValidArgsFunction: firstOf(env.noteValues), Args: oneArg("the id of a note"), Annotations: map[string]string{argumentsNote: "ID  of a note; `bandish inbox` lists them"},
		RunE: doing(func(_ context.Context, args []string) error { return acceptNote(env, args[0]) })}
	recordsFlag(c, env)
	return c
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

// acceptNote prints a draft sheet of what the note says. A person completes it from the
// source, since a reader's words are not a source. It is printed before the note is moved,
// so that a failure loses nothing.
func acceptNote(env *environment, id string) error {
	box := env.inbox()
	n, err := box.Get(id)
	if err != nil {
		return fmt.Errorf("inbox: %s: %w", id, err)
	}
	record, _, err := openRecords(env.records)
	if err != nil {
		return err
	}
	names, err := draftNames(record)
	if err != nil {
		return err
	}
	title := "Note " + n.ID + " on " + n.About
	d := draft.Read(&draft.Text{Title: title, Paragraphs: []draft.Paragraph{{Text: n.Text}}}, names)
	sheet, err := d.Sheet(draft.Source{Title: title, URL: n.Source})
	if err != nil {
		return fmt.Errorf("inbox: draft from %s: %w", id, err)
	}
	if _, err := env.stdout.Write(sheet); err != nil {
		return err
	}
	_, err = box.Decide(id, true, "")
	return err
}
