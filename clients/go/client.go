// Package tandem is a client of Tandem, which keeps tables of two applications in step: typed errors, pages, tails that
// survive a break, and a writer that sends ahead.
//
//	client, err := tandem.Connect(tandem.FromEnvironment()) // TANDEM_SERVER, TANDEM_TOKEN, TANDEM_CA_FILE
//	…
//	request := &tandemv1.ListTableMapsRequest{}
//	for tableMap, err := range tandem.Pages(ctx, client.TableMaps.ListTableMaps, request, (*tandemv1.ListTableMapsResponse).GetTableMaps) {
//		…
//	}
package tandem

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

// DefaultServer is where a server is looked for that nobody names.
const DefaultServer = "http://127.0.0.1:7070"

// A connection that carries calls and is silent for so long is asked whether the other end is still there.
const (
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
)

//go:embed service_config.json
var serviceConfig string

// Options say which server, and what it is shown.
type Options struct {
	// Server is http://HOST:PORT, or https://HOST:PORT where the server has TLS. Empty: DefaultServer.
	Server string
	// Token is shown with every call. Empty: none, or what TokenFile has.
	Token string
	// TokenFile has the token, when Token is empty.
	TokenFile string
	// CAFile has the authority of the server's certificate (PEM). Empty: those that the system trusts.
	CAFile string
	// CertFile and KeyFile are a certificate to show, and its key (PEM). Both or none.
	CertFile, KeyFile string
}

// FromEnvironment takes all of it from TANDEM_SERVER, TANDEM_TOKEN, TANDEM_TOKEN_FILE, TANDEM_CA_FILE, TANDEM_CERT_FILE and
// TANDEM_KEY_FILE. As for the command line, a file with a token is preferred to the token itself.
func FromEnvironment() Options {
	options := Options{
		Server:    os.Getenv("TANDEM_SERVER"),
		TokenFile: os.Getenv("TANDEM_TOKEN_FILE"),
		CAFile:    os.Getenv("TANDEM_CA_FILE"),
		CertFile:  os.Getenv("TANDEM_CERT_FILE"),
		KeyFile:   os.Getenv("TANDEM_KEY_FILE"),
	}
	if options.TokenFile == "" {
		options.Token = os.Getenv("TANDEM_TOKEN")
	}
	return options
}

// Format prints the options without the token.
func (o Options) Format(state fmt.State, _ rune) {
	if o.Token != "" {
		o.Token = "***"
	}
	type plain Options // without this method
	fmt.Fprintf(state, "%+v", plain(o))
}

// Client has the four services, as the stubs that protoc-gen-go-grpc generates. Their errors are *Error.
type Client struct {
	TableMaps tandemv1.TableMapServiceClient
	Sync      tandemv1.SyncServiceClient
	Queue     tandemv1.QueueServiceClient
	Alerts    tandemv1.AlertServiceClient

	connection *grpc.ClientConn
}

// Connect prepares a connection; it comes about with the first call, and again after a break.
func Connect(options Options) (*Client, error) {
	target, transport, err := options.target()
	if err != nil {
		return nil, err
	}
	token, err := options.token()
	if err != nil {
		return nil, err
	}
	reconnect := grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: backoffFirst, Multiplier: 2, Jitter: 0.2, MaxDelay: backoffMax},
		MinConnectTimeout: backoffMax,
	}
	connection, err := grpc.NewClient(
		target,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(reconnect),
		grpc.WithUnaryInterceptor(unary(token)),
		grpc.WithStreamInterceptor(streaming(token)),
	)
	if err != nil {
		return nil, err
	}
	return &Client{
		TableMaps:  tandemv1.NewTableMapServiceClient(connection),
		Sync:       tandemv1.NewSyncServiceClient(connection),
		Queue:      tandemv1.NewQueueServiceClient(connection),
		Alerts:     tandemv1.NewAlertServiceClient(connection),
		connection: connection,
	}, nil
}

// Connection is what the services call over, for stubs of other services.
func (c *Client) Connection() grpc.ClientConnInterface { return c.connection }

// Close ends the connection and what is under way over it.
func (c *Client) Close() error { return c.connection.Close() }

// TailActivity follows the activity log of one map or of all until ctx is done, also through breaks: no event is lost, none
// comes twice. An error that does not pass by itself ends it: LOG_TRIMMED when retention was faster. To go on in another
// process, keep the number of the last event that was dealt with and begin with the next.
func (c *Client) TailActivity(ctx context.Context, request *tandemv1.TailActivityRequest) iter.Seq2[*tandemv1.ActivityEvent, error] {
	return tail(ctx, c.TableMaps.TailActivity, activityPlace, request)
}

// WatchAlertEvents follows the alert events in the same way.
func (c *Client) WatchAlertEvents(ctx context.Context, request *tandemv1.WatchAlertEventsRequest) iter.Seq2[*tandemv1.AlertEvent, error] {
	return tail(ctx, c.Alerts.WatchAlertEvents, alertPlace, request)
}

func (o Options) target() (string, credentials.TransportCredentials, error) {
	server := o.Server
	if server == "" {
		server = DefaultServer
	}
	where, err := url.Parse(server)
	if err != nil || where.Hostname() == "" || (where.Scheme != "http" && where.Scheme != "https") {
		return "", nil, fmt.Errorf("%q is no URL of a server: http://HOST:PORT or https://HOST:PORT", server)
	}
	port := where.Port()
	if where.Scheme == "http" {
		if port == "" {
			port = "80"
		}
		return net.JoinHostPort(where.Hostname(), port), insecure.NewCredentials(), nil
	}
	if port == "" {
		port = "443"
	}
	config, err := o.tls()
	return net.JoinHostPort(where.Hostname(), port), credentials.NewTLS(config), err
}

func (o Options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		authority, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("%s has no certificate", o.CAFile)
		}
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, errors.New("a certificate needs its key, and a key its certificate")
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (o Options) token() (string, error) {
	if o.Token != "" || o.TokenFile == "" {
		return o.Token, nil
	}
	token, err := os.ReadFile(o.TokenFile)
	return strings.TrimSpace(string(token)), err
}
