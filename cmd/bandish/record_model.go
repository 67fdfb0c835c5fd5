package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/dial"
)

const (
	maxModelAnswer = 4 << 20 // bytes
	modelTimeout   = 5 * time.Minute
	modelKey       = "BANDISH_MODEL_KEY" // environment variable, for endpoints that ask for a key
)

// askModel sends a text to an OpenAI-compatible endpoint that the user named, and returns
// what the model answered.
func askModel(ctx context.Context, endpoint, model string, private bool, text *draft.Text) ([]byte, error) {
	system, user := draft.Prompt(text)
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	body, err := json.Marshal(map[string]any{"model": model, "temperature": 0, "messages": []message{{"system", system}, {"user", user}}})
	if err != nil {
		return nil, fmt.Errorf("ask the model: %w", err)
	}
	if endpoint = strings.TrimRight(endpoint, "/"); !strings.HasSuffix(endpoint, "/chat/completions") {
		endpoint += "/chat/completions"
	}
	ctx, cancel := context.WithTimeout(ctx, modelTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, usageError("--model: %v", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key := os.Getenv(modelKey); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := (&http.Client{Transport: dial.ForURL(endpoint, private).Proxied()}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the model: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxModelAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("ask the model at %s: %w", endpoint, err)
	}
	var reply struct {
		Choices []struct {
			Message message `json:"message"`
		} `json:"choices"`
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask the model at %s: it answers %s: %s", endpoint, resp.Status, cut(string(answer), 200))
	case len(answer) > maxModelAnswer:
		return nil, fmt.Errorf("ask the model at %s: its answer is longer than %d bytes", endpoint, maxModelAnswer)
	}
	if err := json.Unmarshal(answer, &reply); err != nil || len(reply.Choices) == 0 {
		return nil, fmt.Errorf("ask the model at %s: no chat completion in its answer: %s", endpoint, cut(string(answer), 200))
	}
	return []byte(reply.Choices[0].Message.Content), nil
}
