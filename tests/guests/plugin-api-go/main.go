// The snippets of docs/plugin-api.md, as one plugin that a test runs.
package main

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetVMContext(&vmContext{})
}

type vmContext struct {
	types.DefaultVMContext
}

func (*vmContext) OnVMStart(size int) types.OnVMStartStatus {
	if size > 0 {
		return types.OnVMStartStatusFailed
	}
	return types.OnVMStartStatusOK
}

func (*vmContext) NewPluginContext(uint32) types.PluginContext {
	return &plugin{}
}

type plugin struct {
	types.DefaultPluginContext
	greeting string
	queue    uint32
	requests proxywasm.MetricCounter
	sizes    proxywasm.MetricHistogram
	active   proxywasm.MetricGauge
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	config, err := proxywasm.GetPluginConfiguration()
	if err != nil || len(config) == 0 {
		proxywasm.LogWarn("the configuration has to be a text")
		return types.OnPluginStartStatusFailed
	}
	p.greeting = string(config)
	if err := proxywasm.SetTickPeriodMilliSeconds(50); err != nil {
		return types.OnPluginStartStatusFailed
	}
	if p.queue, err = proxywasm.RegisterSharedQueue("seen"); err != nil {
		return types.OnPluginStartStatusFailed
	}
	p.defineMetrics()
	return types.OnPluginStartStatusOK
}

func (p *plugin) defineMetrics() {
	p.requests = proxywasm.DefineCounterMetric("api.requests")
	p.sizes = proxywasm.DefineHistogramMetric("api.sizes")
	p.active = proxywasm.DefineGaugeMetric("api.active")
}

func (p *plugin) OnTick() {
	proxywasm.LogInfof("%d requests", p.requests.Value())
}

func (p *plugin) OnQueueReady(queue uint32) {
	// Another VM may have been faster: then there is nothing.
	for {
		item, err := proxywasm.DequeueSharedQueue(queue)
		if err != nil {
			return
		}
		proxywasm.LogInfof("somebody asked for %s", item)
	}
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &exchange{plugin: p}
}

// One request and its response.
type exchange struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (e *exchange) OnHttpRequestHeaders(int, bool) types.Action {
	e.plugin.requests.Increment(1)
	e.plugin.active.Add(1)
	path, _ := proxywasm.GetHttpRequestHeader(":path")
	_ = proxywasm.EnqueueSharedQueue(e.plugin.queue, []byte(path))
	editHeaders()
	readProperties()
	countVisits()
	switch path {
	case "/blocked":
		return refuse()
	case "/ask":
		return ask()
	}
	return types.ActionContinue
}

func (e *exchange) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	if !endOfStream {
		// Kept until there is more; the next call sees all of it.
		return types.ActionPause
	}
	if body, err := proxywasm.GetHttpRequestBody(0, size); err == nil {
		_ = proxywasm.ReplaceHttpRequestBody(bytes.ToUpper(body))
	}
	return types.ActionContinue
}

func (e *exchange) OnHttpResponseHeaders(int, bool) types.Action {
	// The body will be longer than the upstream says.
	_ = proxywasm.RemoveHttpResponseHeader("content-length")
	_ = proxywasm.AddHttpResponseHeader("x-greeting", e.plugin.greeting)
	return types.ActionContinue
}

func (e *exchange) OnHttpResponseBody(size int, endOfStream bool) types.Action {
	e.plugin.sizes.Record(uint64(size))
	if endOfStream {
		_ = proxywasm.AppendHttpResponseBody([]byte("\n"))
	}
	return types.ActionContinue
}

func (e *exchange) OnHttpStreamDone() {
	e.plugin.active.Add(-1)
	code, err := proxywasm.GetProperty([]string{"response", "code"})
	if err != nil {
		proxywasm.LogInfo("ended with no response")
		return
	}
	proxywasm.LogInfof("ended with %d", binary.LittleEndian.Uint64(code))
}

func editHeaders() {
	headers, _ := proxywasm.GetHttpRequestHeaders()
	for _, header := range headers {
		if strings.HasPrefix(header[0], "x-internal-") {
			proxywasm.LogInfof("%s of %d bytes is left out", header[0], len(header[1]))
			_ = proxywasm.RemoveHttpRequestHeader(header[0])
		}
	}
	_ = proxywasm.AddHttpRequestHeader("x-tag", "first")
	_ = proxywasm.AddHttpRequestHeader("x-tag", "second")
	_ = proxywasm.ReplaceHttpRequestHeader("user-agent", "somebody")
}

func readProperties() {
	// A path is a list. Text comes as it is.
	route, _ := proxywasm.GetProperty([]string{"xds", "route_name"})
	// A number is 8 bytes, the lowest first.
	port, err := proxywasm.GetProperty([]string{"source", "port"})
	hasPort := "no"
	if err == nil && len(port) == 8 {
		hasPort = "yes"
	}
	_ = proxywasm.AddHttpRequestHeader("x-route", string(route))
	_ = proxywasm.AddHttpRequestHeader("x-has-port", hasPort)
	// For the plugins after this one, and for this one later.
	_ = proxywasm.SetProperty([]string{"my_plugin", "seen"}, []byte("yes"))
}

func countVisits() {
	for {
		value, cas, err := proxywasm.GetSharedData("visits")
		visits := uint64(1)
		if err == nil && len(value) == 8 {
			visits = binary.LittleEndian.Uint64(value) + 1
		} else {
			// A number that no value has: where there is none yet, of two VMs one is first.
			cas = ^uint32(0)
		}
		next := binary.LittleEndian.AppendUint64(nil, visits)
		if proxywasm.SetSharedData("visits", next, cas) == nil {
			_ = proxywasm.AddHttpRequestHeader("x-visits", strconv.FormatUint(visits, 10))
			return
		}
	}
}

func refuse() types.Action {
	headers := [][2]string{{"content-type", "text/plain"}, {"x-why", "blocked"}}
	_ = proxywasm.SendHttpResponse(403, headers, []byte("not this one"), -1)
	return types.ActionPause
}

func ask() types.Action {
	headers := [][2]string{
		{":method", "GET"},
		{":path", "/verify"},
		{":authority", "auth.example"},
	}
	if _, err := proxywasm.DispatchHttpCall("auth", headers, nil, nil, 1000, answered); err != nil {
		proxywasm.LogWarnf("the call cannot be made: %v", err)
		return types.ActionContinue
	}
	return types.ActionPause
}

func answered(numHeaders, bodySize, _ int) {
	if numHeaders == 0 {
		// It broke off, or took too long in the middle.
		_ = proxywasm.SendHttpResponse(503, nil, []byte("no answer"), -1)
		return
	}
	headers, _ := proxywasm.GetHttpCallResponseHeaders()
	body, _ := proxywasm.GetHttpCallResponseBody(0, bodySize)
	for _, header := range headers {
		if header[0] == ":status" {
			about := header[1] + " with " + strconv.Itoa(len(body)) + " bytes"
			_ = proxywasm.ReplaceHttpRequestHeader("x-asked", about)
		}
	}
	_ = proxywasm.ResumeHttpRequest()
}
