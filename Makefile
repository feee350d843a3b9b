# SPDX-License-Identifier: Apache-2.0

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVERSION := $(shell sed -n 's/^go //p' go.mod)
VERSION ?=
COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS = -s -w -X ucid/internal/cli.Version=$(VERSION) -X ucid/internal/cli.Commit=$(COMMIT)

# Debian packages beside make and Go.
DEMO_PACKAGES = iproute2 iputils-ping util-linux
TEST_PACKAGES = $(DEMO_PACKAGES) gcc libc6-dev git procps strace

.PHONY: build demo test bench bench-uci soak check-go test-packages vet lint unit generate clean

build: check-go ## bin/ucid and bin/uci
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/ucid ./cmd/uci

demo: build ## two routers in namespaces, narrated
	@sh test/packages.sh $(DEMO_PACKAGES)
	@bash test/demo/demo.sh bin

test: check-go test-packages vet lint unit ## everything

# The Go of Debian 12 is too old to read go.mod; say so in words.
check-go:
	@command -v $(GO) >/dev/null || { echo "There is no '$(GO)'. Install Go $(GOVERSION) or later; see README.md." >&2; exit 1; }
	@have=$$(GOTOOLCHAIN=local $(GO) env GOVERSION | sed 's/^go//; s/[^0-9.].*//'); \
	if [ "$$(printf '%s\n%s\n' $(GOVERSION) "$$have" | sort -V | head -n 1)" != $(GOVERSION) ] && \
	   [ "$$(printf '%s\n%s\n' $(GOVERSION) "$$have.0" | sort -V | head -n 1)" != $(GOVERSION) ]; then \
		echo "Go $(GOVERSION) or later is needed, this is $$have; see README.md." >&2; exit 1; \
	fi

test-packages:
	@sh test/packages.sh $(TEST_PACKAGES)

vet:
	$(GO) vet ./...
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change: $$out" >&2; exit 1; }

lint:
	$(GO) run $(STATICCHECK) ./...

unit:
	$(GO) test -race -timeout 15m ./...

bench: ## speed of drivers, engine and supervisor beside their peers
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... ./services/...

bench-uci: ## speed of the UCI library and tool
	$(GO) test -run '^$$' -bench . -benchmem ./uci/... ./cmd/uci/...

soak: ## the long tests, by hand
	UCID_SOAK=1 $(GO) test -count=1 -timeout 4h ./...

generate: ## the list of services
	$(GO) generate ./...

clean:
	rm -rf bin build
