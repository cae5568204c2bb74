// Lets a request with a body go on only when that body is a JSON object which has every required field. Which fields
// those are stands in the plugin's configuration: {"required": ["name", "email"]}.
package main

import (
	"encoding/json"
	"fmt"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// Never runs: the module is a library. What has to happen once per VM happens in init.
func main() {}

func init() {
	proxywasm.SetVMContext(&vmContext{})
}

type vmContext struct {
	types.DefaultVMContext
}

func (*vmContext) NewPluginContext(uint32) types.PluginContext {
	return &pluginContext{}
}

// The plugin, as it is configured.
type pluginContext struct {
	types.DefaultPluginContext
	config struct {
		Required []string `json:"required"`
	}
}

func (p *pluginContext) OnPluginStart(int) types.OnPluginStartStatus {
	data, err := proxywasm.GetPluginConfiguration()
	if err == types.ErrorStatusNotFound {
		return types.OnPluginStartStatusOK // no configuration: any JSON object will do
	}
	if err == nil {
		err = json.Unmarshal(data, &p.config)
	}
	if err != nil {
		proxywasm.LogErrorf("the configuration is not like {\"required\": [\"name\"]}: %v", err)
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *pluginContext) NewHttpContext(uint32) types.HttpContext {
	return &validator{required: p.config.Required}
}

// One request.
type validator struct {
	types.DefaultHttpContext
	required []string
	size     int // bytes of the body so far
}

func (v *validator) OnHttpRequestHeaders(_ int, endOfStream bool) types.Action {
	method, _ := proxywasm.GetHttpRequestHeader(":method")
	if endOfStream && (method == "POST" || method == "PUT" || method == "PATCH") {
		return reject("the body is empty")
	}
	return types.ActionContinue
}

func (v *validator) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	v.size = size // after a pause this counts what was held back, too
	if !endOfStream {
		return types.ActionPause
	}
	return v.validate()
}

// With trailers, these are the end of the stream.
func (v *validator) OnHttpRequestTrailers(int) types.Action {
	return v.validate()
}

func (v *validator) validate() types.Action {
	body, err := proxywasm.GetHttpRequestBody(0, v.size)
	if err != nil && err != types.ErrorStatusNotFound {
		return reject("the body cannot be read")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return reject("the body is not a JSON object: " + err.Error())
	}
	for _, field := range v.required {
		if value, ok := object[field]; !ok || string(value) == "null" {
			return reject(fmt.Sprintf("the field %q is required", field))
		}
	}
	return types.ActionContinue
}

// Answers in place of the upstream.
func reject(why string) types.Action {
	body, _ := json.Marshal(map[string]string{"error": why})
	headers := [][2]string{{"content-type", "application/json"}}
	if err := proxywasm.SendHttpResponse(400, headers, body, -1); err != nil {
		proxywasm.LogErrorf("no answer: %v", err)
	}
	return types.ActionPause
}
