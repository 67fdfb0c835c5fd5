package collect

import (
	"net/http"
	"time"

	"github.com/bandish/bandish/internal/probe"
)

// OONI's probes register and log in before they ask for the targets of some experiments.
// This server has no accounts. It answers so that such a probe goes on, keeps nothing, and
// accepts any token.

// tokenTime is how long a token is valid, as in OONI's server.
const tokenTime = 7 * 24 * time.Hour

func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Requests, r); err != nil {
		return err
	}
	var in struct {
		Password string `json:"password"`
	}
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	if in.Password == "" {
		return &answerError{status: http.StatusBadRequest, reason: "password", message: "a probe that registers must send a password, which it makes up itself"}
	}
	return writeJSON(w, http.StatusOK, map[string]string{"client_id": randomWord(32)})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Requests, r); err != nil {
		return err
	}
	var in struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	if in.Username == "" || in.Password == "" {
		return &answerError{status: http.StatusUnauthorized, reason: "credentials", message: "username and password are wanted: POST /api/v1/register gives the one"}
	}
	return writeJSON(w, http.StatusOK, map[string]string{
		"token": randomWord(32), "expire": s.cfg.Now().Add(tokenTime).UTC().Format(time.RFC3339),
	})
}

// refresh is told what a probe has become; it keeps nothing of it.
func (s *Server) refresh(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// torTarget is one server that OONI's tor test connects to.
type torTarget struct {
	Address     string              `json:"address"`
	Fingerprint string              `json:"fingerprint"`
	Name        string              `json:"name"`
	Protocol    string              `json:"protocol"`
	Params      map[string][]string `json:"params"`
	Source      string              `json:"source"` // "": no secret
}

// torTargets returns Tor's public directory authorities. It never names bridges, since
// each list of them helps those who block them.
func (s *Server) torTargets(w http.ResponseWriter, _ *http.Request) error {
	targets := map[string]torTarget{}
	for _, a := range probe.TorAuthorities() {
		t := torTarget{Fingerprint: a.Fingerprint, Name: a.Name, Params: map[string][]string{}}
		t.Address, t.Protocol = a.ORPort.String(), "or_port_dirauth"
		targets[t.Address] = t
		t.Address, t.Protocol = a.DirPort.String(), "dir_port"
		targets[t.Address] = t
	}
	return writeJSON(w, http.StatusOK, targets)
}
