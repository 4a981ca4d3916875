package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

// Verifies the webhook whose body is on standard input and whose headers are in the environment.
func main() {
	headers := http.Header{}
	headers.Set("webhook-id", os.Getenv("WEBHOOK_ID"))
	headers.Set("webhook-timestamp", os.Getenv("WEBHOOK_TIMESTAMP"))
	headers.Set("webhook-signature", os.Getenv("WEBHOOK_SIGNATURE"))
	body, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = Verify(body, headers, os.Getenv("WEBHOOK_SECRET"))
	}
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("verified")
}
