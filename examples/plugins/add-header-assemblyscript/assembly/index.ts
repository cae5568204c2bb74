// Marks what passes: `x-processed-by: Loom` on the request that the upstream gets, `x-gateway: Loom` on the response
// that the client gets.

// What the host calls.
export * from "@solo-io/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  LogLevelValues,
  RootContext,
  log,
  registerRootContext,
  stream_context,
} from "@solo-io/proxy-runtime";

class Plugin extends RootContext {
  createContext(context_id: u32): Context {
    return new AddHeader(context_id, this);
  }
}

/** One request and its response. */
class AddHeader extends Context {
  constructor(context_id: u32, plugin: Plugin) {
    super(context_id, plugin);
  }

  onRequestHeaders(_count: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.request.add("x-processed-by", "Loom");
    log(LogLevelValues.debug, "#" + this.context_id.toString() + " adds x-processed-by to the request");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(_count: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-gateway", "Loom");
    return FilterHeadersStatusValues.Continue;
  }
}

// The name is the `root_id` of the plugin's configuration.
registerRootContext((context_id: u32) => new Plugin(context_id), "");
