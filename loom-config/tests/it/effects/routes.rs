//! The keys of routes, but for their plugins.

use super::Effect;

pub(super) const EFFECTS: &[Effect] = &[
    (
        "routes[].inherit_plugins",
        "plugins: [{name: a, path: a.wasm}, {name: b, path: b.wasm, priority: 1}]\ndefaults: {plugins: [a]}\nroutes: [{id: a, path: /*, upstream: e, <<inherit_plugins: false>>}]",
    ),
    (
        "routes[].id",
        "routes: [{path: /*, upstream: e, <<id: a||id: b>>}]",
    ),
    (
        "routes[].path[].regex",
        "routes: [{id: a, upstream: e, path: [{<<regex: /a||regex: '/a$$'>>}]}]",
    ),
    (
        "routes[].host",
        "routes: [{id: a, path: /*, upstream: e, <<host: example.com>>}]",
    ),
    (
        "routes[].methods",
        "routes: [{id: a, path: /*, upstream: e, <<methods: GET>>}]",
    ),
    (
        "routes[].order",
        "routes: [{id: a, path: /*, upstream: e, <<order: -1>>}]",
    ),
    (
        "routes[].headers[].name",
        "routes: [{id: a, path: /*, upstream: e, headers: [{present: true, <<name: a||name: b>>}]}]",
    ),
    (
        "routes[].headers[].exact",
        "routes: [{id: a, path: /*, upstream: e, headers: [{name: a, <<exact: a||exact: b>>}]}]",
    ),
    (
        "routes[].headers[].regex",
        "routes: [{id: a, path: /*, upstream: e, headers: {name: a, <<regex: 'a$$'||regex: 'a$'>>}}]",
    ),
    (
        "routes[].headers[].present",
        "routes: [{id: a, path: /*, upstream: e, headers: {name: a, <<present: true||present: false>>}}]",
    ),
    (
        "routes[].query[].name",
        "routes: [{id: a, path: /*, upstream: e, query: [{present: true, <<name: a||name: b>>}]}]",
    ),
    (
        "routes[].query[].exact",
        "routes: [{id: a, path: /*, upstream: e, query: [{name: a, <<exact: a||exact: b>>}]}]",
    ),
    (
        "routes[].query[].regex",
        "routes: [{id: a, path: /*, upstream: e, query: {name: a, <<regex: 'a$$'||regex: 'a$'>>}}]",
    ),
    (
        "routes[].query[].present",
        "routes: [{id: a, path: /*, upstream: e, query: {name: a, <<present: true||present: false>>}}]",
    ),
    (
        "routes[].listeners",
        "listeners: ['0.0.0.0:80', '0.0.0.0:81']\nroutes: [{id: a, path: /*, upstream: e, <<listeners: '0.0.0.0:81'>>}]",
    ),
    (
        "routes[].upstream",
        "routes: [{id: a, path: /*, <<upstream: e||upstream: f>>}]",
    ),
    (
        "routes[].split[].upstream",
        "routes: [{id: a, path: /*, split: [{weight: 1, <<upstream: e||upstream: f>>}]}]",
    ),
    (
        "routes[].split[].weight",
        "routes: [{id: a, path: /*, split: [{upstream: e, <<weight: 1||weight: 2>>}]}]",
    ),
    (
        "routes[].redirect.to",
        "routes: [{id: a, path: /*, redirect: {<<to: /a||to: '/b$$'>>}}]",
    ),
    (
        "routes[].redirect.scheme",
        "routes: [{id: a, path: /*, redirect: {host: a, <<scheme: https>>}}]",
    ),
    (
        "routes[].redirect.host",
        "routes: [{id: a, path: /*, redirect: {scheme: https, <<host: a>>}}]",
    ),
    (
        "routes[].redirect.path",
        "routes: [{id: a, path: /*, redirect: {scheme: https, <<path: /a>>}}]",
    ),
    (
        "routes[].redirect.status",
        "routes: [{id: a, path: /*, redirect: {to: /a, <<status: 308>>}}]",
    ),
    (
        "routes[].respond.status",
        "routes: [{id: a, path: /*, respond: {<<status: 404>>}}]",
    ),
    (
        "routes[].respond.body",
        "routes: [{id: a, path: /*, respond: {<<body: text>>}}]",
    ),
    (
        "routes[].respond.headers",
        "routes: [{id: a, path: /*, respond: {<<headers: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].strip_prefix",
        "routes: [{id: a, path: /*, upstream: e, <<strip_prefix: /api>>}]",
    ),
    (
        "routes[].rewrite.regex",
        "routes: [{id: a, path: /*, upstream: e, rewrite: {with: /a, <<regex: a||regex: a$$>>}}]",
    ),
    (
        "routes[].rewrite.with",
        "routes: [{id: a, path: /*, upstream: e, rewrite: {regex: '(a)', <<with: '/a'||with: '/{1}'>>}}]",
    ),
    (
        "routes[].host_header.set",
        "routes: [{id: a, path: /*, upstream: e, host_header: {<<set: a||set: b>>}}]",
    ),
    (
        "routes[].request_headers.set",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {remove: x-z, <<set: {x-a: b}>>}}]",
    ),
    (
        "routes[].request_headers.add",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {remove: x-z, <<add: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].request_headers.remove",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {set: {x-z: a}, <<remove: x-a>>}}]",
    ),
    (
        "routes[].response_headers.set",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {remove: x-z, <<set: {x-a: b}>>}}]",
    ),
    (
        "routes[].response_headers.add",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {remove: x-z, <<add: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].response_headers.remove",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {set: {x-z: a}, <<remove: x-a>>}}]",
    ),
    (
        "routes[].idle_timeout",
        "routes: [{id: a, path: /*, upstream: e, <<idle_timeout: 30s>>}]",
    ),
    (
        "routes[].timeout",
        "routes: [{id: a, path: /*, upstream: e, <<timeout: 30s>>}]",
    ),
    (
        "routes[].ip_allow",
        "routes: [{id: a, path: /*, upstream: e, <<ip_allow: 10.0.0.0/8>>}]",
    ),
    (
        "routes[].ip_deny",
        "routes: [{id: a, path: /*, upstream: e, <<ip_deny: [10.0.0.7]>>}]",
    ),
    (
        "routes[].max_body",
        "routes: [{id: a, path: /*, upstream: e, <<max_body: 1MiB>>}]",
    ),
    (
        "routes[].rate_limit.requests",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {<<requests: 1||requests: 2>>}}]",
    ),
    (
        "routes[].rate_limit.per",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, <<per: 1m>>}}]",
    ),
    (
        "routes[].rate_limit.burst",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, <<burst: 5>>}}]",
    ),
    (
        "routes[].rate_limit.by.header",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, by: {<<header: a||header: b>>}}}]",
    ),
    (
        "routes[].cors.origins",
        "routes: [{id: a, path: /*, upstream: e, cors: {<<origins: '*'||origins: 'https://a.example'>>}}]",
    ),
    (
        "routes[].cors.methods",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<methods: PUT>>}}]",
    ),
    (
        "routes[].cors.headers",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<headers: '*'>>}}]",
    ),
    (
        "routes[].cors.expose_headers",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<expose_headers: [x-a]>>}}]",
    ),
    (
        "routes[].cors.credentials",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: 'https://a.example', <<credentials: true>>}}]",
    ),
    (
        "routes[].cors.max_age",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<max_age: 1h>>}}]",
    ),
    (
        "routes[].compression.encodings",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<encodings: gzip>>}}]",
    ),
    (
        "routes[].compression.min_size",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<min_size: 0>>}}]",
    ),
    (
        "routes[].compression.exclude_types",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<exclude_types: text/csv>>}}]",
    ),
    (
        "routes[].basic_auth.users",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {<<users: {a: '$2b$04$.....................................................'}||users: {a: '$2b$05$.....................................................'}>>}}]",
    ),
    (
        "routes[].basic_auth.realm",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<realm: staff>>}}]",
    ),
    (
        "routes[].basic_auth.user_header",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<user_header: x-user>>}}]",
    ),
    (
        "routes[].basic_auth.forward_credentials",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<forward_credentials: true>>}}]",
    ),
    (
        "routes[].basic_auth.users_file",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<users_file: '${FOLDER}/users'>>}}]",
    ),
    (
        "routes[].jwt.secret",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<secret: 0123456789abcdef0123456789abcdef||secret: x0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "routes[].jwt.key_file",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<key_file: '${FOLDER}/public.pem'||secret: 0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "routes[].jwt.jwks_file",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<jwks_file: '${FOLDER}/keys.json'||secret: 0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "routes[].jwt.issuer",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<issuer: a>>}}]",
    ),
    (
        "routes[].jwt.audience",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<audience: [a, b]>>}}]",
    ),
    (
        "routes[].jwt.algorithms",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<algorithms: HS512>>}}]",
    ),
    (
        "routes[].jwt.leeway",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<leeway: 0s>>}}]",
    ),
    (
        "routes[].jwt.require",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<require: sub>>}}]",
    ),
    (
        "routes[].jwt.from.header",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<header: a||header: b>>}}}]",
    ),
    (
        "routes[].jwt.from.cookie",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<cookie: a||cookie: b>>}}}]",
    ),
    (
        "routes[].jwt.from.query",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<query: a||query: b>>}}}]",
    ),
    (
        "routes[].jwt.forward",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward: {x-user: sub}>>}}]",
    ),
    (
        "routes[].jwt.forward_token",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward_token: false>>}}]",
    ),
    (
        "routes[].retry.attempts",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<attempts: 3>>}}]",
    ),
    (
        "routes[].retry.when",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<when: [timeout, 503]>>}}]",
    ),
    (
        "routes[].retry.back_off",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<back_off: 1s>>}}]",
    ),
    (
        "routes[].retry.budget",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<budget: 50%>>}}]",
    ),
    (
        "routes[].retry.max_body",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<max_body: 1KiB>>}}]",
    ),
];
