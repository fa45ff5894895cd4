// A back end in Go (1.21 or newer), without modules: go run main.go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const oldest = 5 * time.Minute

type request struct {
	ID      string `json:"id"`
	Message struct {
		Kind    string `json:"kind"`
		Event   string `json:"event"`
		Content string `json:"content"`
	} `json:"message"`
	History []json.RawMessage `json:"history"`
}

func isSigned(secret []byte, header http.Header, body []byte) bool {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > oldest {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// While a secret changes there are two signatures: one of them must be right.
	for _, given := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(expected)) {
			return true
		}
	}
	return false
}

func answer(r request) any {
	switch {
	case r.Message.Kind == "event" && r.Message.Event == "subscribe":
		return "Welcome!"
	case r.Message.Kind != "text":
		return map[string]any{"next": true}
	case r.Message.Content == "human":
		return map[string]any{"replies": "A moment, please.", "handOver": "asked for a person"}
	default:
		return "You said: " + r.Message.Content
	}
}

func main() {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("REPLIES_HTTP_SECRET"), "whsec_"))
	if err != nil || len(secret) == 0 {
		log.Fatal("REPLIES_HTTP_SECRET is missing, or is no whsec_…")
	}
	http.HandleFunc("/reply", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || !isSigned(secret, r.Header, body) {
			http.Error(w, "the signature is wrong", http.StatusUnauthorized)
			return
		}
		var asked request
		if err := json.Unmarshal(body, &asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("content-type", "application/json")
		json.NewEncoder(w).Encode(answer(asked))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", nil))
}
