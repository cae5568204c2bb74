// Marks what passes: `x-processed-by: Loom` on the request that the upstream gets, `x-gateway: Loom` on the response
// that the client gets.
package main

import (
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm"
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {
	proxywasm.SetVMContext(&vmContext{})
}

type vmContext struct {
	types.DefaultVMContext
}

func (*vmContext) NewPluginContext(uint32) types.PluginContext {
	return &pluginContext{}
}

type pluginContext struct {
	types.DefaultPluginContext
}

func (*pluginContext) NewHttpContext(contextID uint32) types.HttpContext {
	return &addHeader{contextID: contextID}
}

// One request and its response.
type addHeader struct {
	types.DefaultHttpContext
	contextID uint32
}

func (a *addHeader) OnHttpRequestHeaders(int, bool) types.Action {
	if err := proxywasm.AddHttpRequestHeader("x-processed-by", "Loom"); err != nil {
		proxywasm.LogErrorf("#%d cannot add to the request: %v", a.contextID, err)
	}
	proxywasm.LogDebugf("#%d adds x-processed-by to the request", a.contextID)
	return types.ActionContinue
}

func (a *addHeader) OnHttpResponseHeaders(int, bool) types.Action {
	if err := proxywasm.AddHttpResponseHeader("x-gateway", "Loom"); err != nil {
		proxywasm.LogErrorf("#%d cannot add to the response: %v", a.contextID, err)
	}
	return types.ActionContinue
}
