/* gatewright_plugin.h: how a native plugin and the gateway speak to each other. C11, and C++.
 *
 * This file is made from the gateway's own tables of hooks and functions: do not edit it.
 *
 * ---- The shape ----------------------------------------------------------------------------------------------------
 *
 * A plugin is a shared library that exports one function, `gatewright_plugin_v1`, which answers a table: what the plugin says of
 * itself, how instances are made and ended, and a slot for each hook. A slot that is NULL is a hook that the plugin
 * does not implement; the gateway never calls it. A hook gets the instance and the handle of a call, and asks the
 * gateway through the host's table for what it wants to see or do. It answers GATEWRIGHT_OK; anything else is a
 * failure of the plugin, and what that means for the request, the failure mode says. To reject a request is no failure:
 * see `block`.
 *
 * ---- Versions -----------------------------------------------------------------------------------------------------
 *
 * The major version is in the name of the symbol. Within a major version nothing that was released is ever changed:
 * no name, no number, no member's place, no meaning. Tables are only appended to, and begin with their size: what lies
 * beyond a table's size is not there, and one that is shorter than in version 1.0 is refused. The gateway passes over
 * what a plugin's table has beyond its own: a hook that it does not know it never calls. A plugin that uses a host
 * function that came later must ask GATEWRIGHT_HAS first. The minor version is for messages only.
 *
 * ---- Who owns what ------------------------------------------------------------------------------------------------
 *
 * Nothing is ever freed across the boundary.
 *  - What the plugin passes to the host is the plugin's; the host copies what it keeps before it returns.
 *  - What the host returns is the host's, and there to be read until the hook that is being called returns. It may be
 *    followed by anything: texts do not end in a 0 byte.
 *  - The plugin's table, its manifest and its table of hooks are the plugin's and stay as they are for ever, since a
 *    library is never unloaded. The host's table stays for ever too.
 *  - What an instance points at is the plugin's, from `create` to `destroy`.
 *
 * ---- Threads ------------------------------------------------------------------------------------------------------
 *
 * Hooks are called on threads of the plugin's own lane, several at once for different requests: an instance must be
 * safe for that. `create` returns before any hook is called, and `destroy` is called after all of them returned. Hooks
 * of one request follow each other. Under the operator's `inline = true`, the hooks named by `immediate` are called on
 * the gateway's own threads, where functions that wait are refused with GATEWRIGHT_UNSUPPORTED, and only the thread that
 * was called may use the handle. Otherwise threads of the plugin's own may use the handle while the hook has not
 * returned, one function that waits at a time: the others get GATEWRIGHT_BUSY. What they were given goes when the hook
 * returns, whatever they are doing: a hook waits for its threads, or sees to it that they have copied what they read.
 * The thread of a hook has a stack of 2 MiB, of which the gateway needs a part under `inline`. A lane's threads are
 * called `plugin-NAME`, which debuggers and the kernel's log show, as far as 15 bytes go.
 *
 * ---- Time ---------------------------------------------------------------------------------------------------------
 *
 * A hook that takes longer than it may is given up: the request goes on without it, its handle goes stale, and every
 * host function answers GATEWRIGHT_STALE, or GATEWRIGHT_DEADLINE to who was waiting in one. What it writes from then on
 * reaches nobody. It should return soon: `cancelled` tells in loops. While two calls that took too long have not
 * returned, the plugin is in quarantine and all its calls fail. Time counts from when the plugin was called; `close`
 * and each `pull` have as much as the hook pre_llm. The number of a handle that is over is used for no other call.
 *
 * ---- Phases -------------------------------------------------------------------------------------------------------
 *
 * In `create` there are `log`, `fail`, `error` and what reads: paths begin with `config/` and `name`. Services such as
 * `kv` are there from the hook on_startup to the hook on_shutdown. In `pull` there is what the hook had that answered
 * with the stream: all that reads, services, and `answer`; what edits, decides or leaves something is refused. In
 * `destroy` and `close` there is nothing.
 *
 * ---- Panics -------------------------------------------------------------------------------------------------------
 *
 * No exception and no panic may leave a function of the plugin: catch them, tell the message to `fail`, and return
 * GATEWRIGHT_PANIC. One that leaves ends the gateway, and so does a crash: a native plugin is trusted like the gateway
 * itself, unless it runs with `isolation = "process"`.
 *
 * ---- Paths --------------------------------------------------------------------------------------------------------
 *
 * Plain C needs no library to read a payload: `get_text` and its like take a path through it, members and places
 * joined by `/`:
 *
 *   model, provider, stream                        of an LLM request (pre_request, check_input, pre_llm, before_model)
 *   texts/0/1, texts/0/0, texts/0/2                the first text of the conversation, who speaks, the message's number
 *   messages/0/role                                the first message of the conversation
 *   messages/0/blocks/0/content/text               the text of its first block
 *   response/output/chat/choices/0/message/...     of a response (post_llm, check_output)
 *   chunk/0/text/text                              of a chunk (post_llm): the first piece, where that is a text
 *   texts/0/text                                   the text of the first channel, in check_output alone
 *   text, is_final, released                       in on_stream_chunk; a text that has left (released is 1) must not be
 *                                                  edited: that is a failure
 *   method, path, body, headers/x-foo, query/page  of an HTTP request (http_request, pre_auth, post_auth)
 *   request/..., response/status, response/body    of http_response
 *   credential                                     of auth: the bare token of `authorization: Bearer`, or what x-api-key,
 *                                                  x-goog-api-key or api-key holds; missing without one, as with `Basic`
 *   request/headers/x-foo, request/body, ...       of auth and http_stream_chunk: the HTTP request
 *   chunk/event, chunk/body/chat                   of http_stream_chunk: the event's name, missing where it has none, and
 *                                                  its data, JSON; under another kind's name, or chunk/body/error
 *   status, http_status, usage/output_tokens, ...  how the request ended (post_request, request_end)
 *   error/message, kind, message                   of errors
 *   facts/user_id, facts/request_id, facts/claims/...   what the gateway knows of the request, in every hook
 *   state/KEY, scratch/...                         what hooks left before
 *   config/..., name                               in `create` and on_startup
 *
 * A path that leads nowhere is no error: a text is GATEWRIGHT_MISSING, and a list has 0 entries. So a misspelt path in a
 * guard finds nothing to object to: test that it finds what it must.
 *
 * A last member that stands for a text may hold bytes too. A list of pairs is read by the name of its first: headers,
 * query. What a hook's payload has is in docs/abi.md#heads, and docs/abi.md has the shapes; docs/hooks.md says what a hook
 * is for, docs/abi-native.md the rules.
 *
 * What needs documents, and so `ask` and `answer`: metrics, records, `http` and `llm`; fractions, which no function
 * reads, such as `cost`; state that is no text; lists that grow, but for headers and the query; streams. A call edits
 * either `texts/...`, or what else stands in the conversation (messages/..., params/..., tools/...): the other is refused
 * with GATEWRIGHT_UNSUPPORTED.
 */
#ifndef GATEWRIGHT_PLUGIN_H
#define GATEWRIGHT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GATEWRIGHT_ABI_MAJOR 1
#define GATEWRIGHT_ABI_MINOR 0

#if defined(_WIN32)
#define GATEWRIGHT_EXPORT __declspec(dllexport)
#else
#define GATEWRIGHT_EXPORT __attribute__((visibility("default")))
#endif

/* Bytes that somebody else owns. `ptr` may be NULL where `len` is 0. Texts are UTF-8. */
typedef struct gatewright_slice {
  const uint8_t *ptr;
  size_t len;
} gatewright_slice;

/* A literal as a slice. */
#ifdef __cplusplus
#define GATEWRIGHT_LITERAL(text) (gatewright_slice{reinterpret_cast<const uint8_t *>(text), sizeof(text) - 1})
#else
#define GATEWRIGHT_LITERAL(text) ((gatewright_slice){(const uint8_t *)(text), sizeof(text) - 1})
#endif
/* The same where C wants a constant: `.manifest = GATEWRIGHT_CONSTANT("...")`. */
#define GATEWRIGHT_CONSTANT(text) {(const uint8_t *)(text), sizeof(text) - 1}

/* A call, while it lasts. */
typedef uint64_t gatewright_call;

/* How something went. */
typedef int32_t gatewright_status;
enum {
  GATEWRIGHT_OK = 0,
  GATEWRIGHT_ERROR = 1,       /* it failed */
  GATEWRIGHT_PANIC = 2,       /* the plugin panicked, and caught it */
  GATEWRIGHT_BUSY = 3,        /* another thread waits for an answer in the same call */
  GATEWRIGHT_UNSUPPORTED = 4, /* not in this hook, or not in a call that must not wait */
  GATEWRIGHT_INVALID = 5,     /* an argument is not legal: no UTF-8, a path through what is no list or map */
  GATEWRIGHT_DEADLINE = 6,    /* the call was given up while it waited */
  GATEWRIGHT_DENIED = 7,      /* a permission is missing; `error` names it */
  GATEWRIGHT_TOO_LARGE = 8,   /* over a limit */
  GATEWRIGHT_STALE = 9,       /* the call is over */
  GATEWRIGHT_MISSING = 10     /* there is nothing there */
};

/* Levels of `log`. */
enum { GATEWRIGHT_DEBUG = 0, GATEWRIGHT_INFO = 1, GATEWRIGHT_WARN = 2, GATEWRIGHT_ERR = 3 };

/* Parts of a call, for `part`. */
#define GATEWRIGHT_PART_FACTS 0
#define GATEWRIGHT_PART_STATE 1
#define GATEWRIGHT_PART_SCRATCH 2
#define GATEWRIGHT_PART_CHAT 3
#define GATEWRIGHT_PART_OUTPUT 4
#define GATEWRIGHT_PART_REQUEST_BODY 5
#define GATEWRIGHT_PART_RESPONSE_BODY 6
#define GATEWRIGHT_PART_TEXTS 7

/* Functions of the host, for `ask`: argument -> result, both documents. */
/* Writes a line to the host's log. Permission: none; does not wait; since 1.0; in every hook.
 * {level: "debug"|"info"|"warn"|"error", message: text, fields: [[name, value], ...]} -> null */
#define GATEWRIGHT_FUNCTION_LOG_WRITE 0
/* Takes a sample of a metric of the plugin's own. Permission: metrics; does not wait; since 1.0; in every hook.
 * {name: text, kind: "count"|"gauge"|"observe", value: float, labels: [[name, value], ...]} -> null */
#define GATEWRIGHT_FUNCTION_METRICS_SAMPLE 1
/* Takes rows for logs. Permission: records; does not wait; since 1.0; in every hook.
 * [{table: text, row: map}, ...] -> null */
#define GATEWRIGHT_FUNCTION_RECORDS_APPEND 2
/* The value of a key. Permission: kv; waits; since 1.0; in every hook.
 * text: the key -> bytes, or null */
#define GATEWRIGHT_FUNCTION_KV_GET 3
/* Sets a key, for ever or for a time. Permission: kv; waits; since 1.0; in every hook.
 * {key: text, value: bytes, ttl_ms: integer or null} -> null */
#define GATEWRIGHT_FUNCTION_KV_SET 4
/* Takes a key out. Permission: kv; waits; since 1.0; in every hook.
 * text: the key -> whether it was there: bool */
#define GATEWRIGHT_FUNCTION_KV_DELETE 5
/* Keys with a prefix, in order. Permission: kv; waits; since 1.0; in every hook.
 * {prefix: text, limit: integer} -> [text, ...] */
#define GATEWRIGHT_FUNCTION_KV_LIST 6
/* Adds to a whole number, and answers the sum. Permission: kv; waits; since 1.0; in every hook.
 * {key: text, by: integer} -> integer */
#define GATEWRIGHT_FUNCTION_KV_INCREMENT 7
/* Sets a key if its value is what was expected. Permission: kv; waits; since 1.0; in every hook.
 * {key: text, expected: bytes or null, value: bytes} -> whether it did: bool */
#define GATEWRIGHT_FUNCTION_KV_COMPARE_AND_SET 8
/* Sends a request to an allowed host. Permission: http; waits; since 1.0; in every hook.
 * {method: text, url: text, headers: [[name, value], ...], body: bytes, timeout_ms: integer} -> {status: integer, headers: [[name, value], ...], body: bytes} */
#define GATEWRIGHT_FUNCTION_HTTP_SEND 9
/* Sends a request to an LLM through the gateway. Permission: llm; waits; since 1.0; in every hook but on_startup, on_shutdown, health.
 * {model: text, chat: a conversation} -> {response: a response}, or {error: an error} */
#define GATEWRIGHT_FUNCTION_LLM_COMPLETE 10

/* The numbers of hooks: bits of `immediate`. */
#define GATEWRIGHT_HOOK_HTTP_REQUEST 0
#define GATEWRIGHT_HOOK_HTTP_RESPONSE 1
#define GATEWRIGHT_HOOK_HTTP_STREAM_CHUNK 2
#define GATEWRIGHT_HOOK_PRE_AUTH 3
#define GATEWRIGHT_HOOK_AUTH 4
#define GATEWRIGHT_HOOK_POST_AUTH 5
#define GATEWRIGHT_HOOK_PRE_REQUEST 6
#define GATEWRIGHT_HOOK_CHECK_INPUT 7
#define GATEWRIGHT_HOOK_PRE_LLM 8
#define GATEWRIGHT_HOOK_POST_LLM 9
#define GATEWRIGHT_HOOK_ON_STREAM_CHUNK 10
#define GATEWRIGHT_HOOK_CHECK_OUTPUT 11
#define GATEWRIGHT_HOOK_ON_ERROR 12
#define GATEWRIGHT_HOOK_POST_REQUEST 13
#define GATEWRIGHT_HOOK_REQUEST_END 14
#define GATEWRIGHT_HOOK_ON_USER_MESSAGE 15
#define GATEWRIGHT_HOOK_BEFORE_AGENT 16
#define GATEWRIGHT_HOOK_AFTER_AGENT 17
#define GATEWRIGHT_HOOK_BEFORE_MODEL 18
#define GATEWRIGHT_HOOK_AFTER_MODEL 19
#define GATEWRIGHT_HOOK_BEFORE_TOOL 20
#define GATEWRIGHT_HOOK_AFTER_TOOL 21
#define GATEWRIGHT_HOOK_ON_MODEL_ERROR 22
#define GATEWRIGHT_HOOK_ON_TOOL_ERROR 23
#define GATEWRIGHT_HOOK_ON_EVENT 24
#define GATEWRIGHT_HOOK_BEFORE_CREATE 25
#define GATEWRIGHT_HOOK_AFTER_CREATE 26
#define GATEWRIGHT_HOOK_BEFORE_UPDATE 27
#define GATEWRIGHT_HOOK_AFTER_UPDATE 28
#define GATEWRIGHT_HOOK_BEFORE_DELETE 29
#define GATEWRIGHT_HOOK_AFTER_DELETE 30
#define GATEWRIGHT_HOOK_ENDPOINT 31
#define GATEWRIGHT_HOOK_RPC 32
#define GATEWRIGHT_HOOK_ASSET 33
#define GATEWRIGHT_HOOK_SCHEDULE 34
#define GATEWRIGHT_HOOK_ON_STARTUP 35
#define GATEWRIGHT_HOOK_ON_SHUTDOWN 36
#define GATEWRIGHT_HOOK_HEALTH 37

/* What the host offers. Paths, keys and texts are UTF-8; `out` is written only with GATEWRIGHT_OK, but by
 * `ask`. */
typedef struct gatewright_host_v1 {
  uint32_t size;
  uint32_t minor;

  /* ---- for SDKs: documents, in CBOR (docs/abi.md) ---- */

  /* The payload of the call, without its parts. */
  gatewright_status (*head)(gatewright_call call, gatewright_slice *out);
  /* A part of it. GATEWRIGHT_MISSING if the hook has none. */
  gatewright_status (*part)(gatewright_call call, uint32_t part, gatewright_slice *out);
  /* The answer of the hook, whole: in place of what the functions below edit, decide and leave for later. It is a decision
   * like theirs, of which the last counts: one that is made after it takes its place. */
  gatewright_status (*answer)(gatewright_call call, gatewright_slice document);
  /* Calls a function of the host. If it fails, `out` is the error, a document, or of length 0 where there is none. */
  gatewright_status (*ask)(gatewright_call call, uint32_t function, gatewright_slice argument, gatewright_slice *out);

  /* ---- for all ---- */

  /* What was wrong with the last call of a host function that did not answer GATEWRIGHT_OK, in words. There are none
   * for GATEWRIGHT_STALE. */
  gatewright_status (*error)(gatewright_call call, gatewright_slice *out);
  /* Says why the hook fails; return GATEWRIGHT_ERROR or GATEWRIGHT_PANIC after it. */
  gatewright_status (*fail)(gatewright_call call, gatewright_slice message);
  /* 1 if the call is over and nobody waits for it any more, else 0. */
  int32_t (*cancelled)(gatewright_call call);
  /* What is left until the request must be done, in milliseconds; UINT64_MAX if it has no deadline. */
  uint64_t (*remaining_ms)(gatewright_call call);
  /* Writes a line to the host's log. */
  gatewright_status (*log)(gatewright_call call, uint32_t level, gatewright_slice message);

  /* ---- for plain C: the payload by paths ---- */

  /* A text, or bytes. GATEWRIGHT_MISSING if there is nothing, GATEWRIGHT_INVALID if it is something else. */
  gatewright_status (*get_text)(gatewright_call call, gatewright_slice path, gatewright_slice *out);
  /* A whole number. GATEWRIGHT_INVALID if it is something else, such as a fraction. */
  gatewright_status (*get_int)(gatewright_call call, gatewright_slice path, int64_t *out);
  /* 0 or 1. */
  gatewright_status (*get_bool)(gatewright_call call, gatewright_slice path, int32_t *out);
  /* How many entries a list or map has; an absent one has 0. GATEWRIGHT_INVALID if it is something else. */
  gatewright_status (*count)(gatewright_call call, gatewright_slice path, uint64_t *out);
  /* Proposes another text. A header is edited by its name, headers/x-foo; one that is not there is added, and of one that
   * is there several times one is left. Reading by name gives the first: headers/0/0 and headers/0/1 are name and value of
   * the first of all, and so on.
   * GATEWRIGHT_UNSUPPORTED where the hook edits nothing, GATEWRIGHT_INVALID where the payload has no room for it. */
  gatewright_status (*set_text)(gatewright_call call, gatewright_slice path, gatewright_slice text);
  /* Proposes another whole number: response/status, params/max_tokens. A fraction, such as params/temperature, can be made
   * a whole number, and no other fraction. */
  gatewright_status (*set_int)(gatewright_call call, gatewright_slice path, int64_t value);

  /* ---- for plain C: what the hook decides; the last decision counts ---- */

  /* Rejects, blocks, refuses, vetoes, or ends the stream. `status` is an HTTP status, or 0 for the hook's own; `code`
   * is a word for programs, or empty. In pre_llm the attempt fails, without fallbacks. post_llm blocks nothing:
   * check_output does. */
  gatewright_status (*block)(gatewright_call call, uint32_t status, gatewright_slice reason, gatewright_slice code);
  /* Answers with this text: http_request and endpoint with an HTTP response of this status; pre_llm, before_model and
   * on_model_error as the model; before_agent and after_agent with a message; before_tool and on_tool_error as the tool.
   * Only HTTP has a status. */
  gatewright_status (*respond_text)(gatewright_call call, uint32_t status, gatewright_slice text);
  /* Takes a chunk out of a stream: http_stream_chunk, and post_llm on a chunk. */
  gatewright_status (*drop_chunk)(gatewright_call call);
  /* Says who it is: auth. */
  gatewright_status (*identify)(gatewright_call call, gatewright_slice app, gatewright_slice user, gatewright_slice key);

  /* ---- for plain C: what is left for later ---- */

  /* A text of the request's state, this call's own writes included. */
  gatewright_status (*state_get)(gatewright_call call, gatewright_slice key, gatewright_slice *out);
  /* Sets one, for this and all later hooks of the request. */
  gatewright_status (*state_set)(gatewright_call call, gatewright_slice key, gatewright_slice text);
  /* Adds a text to what is kept with the request's log. */
  gatewright_status (*metadata_set)(gatewright_call call, gatewright_slice key, gatewright_slice text);

  /* ---- for plain C: keys and values of the plugin's own; permission kv; these wait ---- */

  /* GATEWRIGHT_MISSING if there is no such key. */
  gatewright_status (*kv_get)(gatewright_call call, gatewright_slice key, gatewright_slice *out);
  /* For so many milliseconds, or with 0 for ever. */
  gatewright_status (*kv_set)(gatewright_call call, gatewright_slice key, gatewright_slice value, uint64_t ttl_ms);
  /* Adds to a whole number, and answers the sum. */
  gatewright_status (*kv_increment)(gatewright_call call, gatewright_slice key, int64_t by, int64_t *out);
} gatewright_host_v1;

/* Whether the host has a function that came after 1.0. */
#define GATEWRIGHT_HAS(host, function)                                                                                 \
  ((host)->size >= offsetof(gatewright_host_v1, function) + sizeof((host)->function))

/* A hook. */
typedef gatewright_status (*gatewright_hook)(void *plugin, gatewright_call call);

/* The hooks: docs/hooks.md says when each is called, and what it may do. */
typedef struct gatewright_hooks_v1 {
  uint32_t size; /* sizeof(gatewright_hooks_v1) */
  uint32_t reserved;
  gatewright_hook http_request; /* 0: transport */
  gatewright_hook http_response; /* 1: transport, last plugin first */
  gatewright_hook http_stream_chunk; /* 2: transport, last plugin first */
  gatewright_hook pre_auth; /* 3: access */
  gatewright_hook auth; /* 4: access */
  gatewright_hook post_auth; /* 5: access */
  gatewright_hook pre_request; /* 6: request */
  gatewright_hook check_input; /* 7: request */
  gatewright_hook pre_llm; /* 8: attempt */
  gatewright_hook post_llm; /* 9: attempt, last plugin first */
  gatewright_hook on_stream_chunk; /* 10: attempt */
  gatewright_hook check_output; /* 11: request */
  gatewright_hook on_error; /* 12: request */
  gatewright_hook post_request; /* 13: request */
  gatewright_hook request_end; /* 14: request, last plugin first */
  gatewright_hook on_user_message; /* 15: agent */
  gatewright_hook before_agent; /* 16: agent */
  gatewright_hook after_agent; /* 17: agent */
  gatewright_hook before_model; /* 18: agent */
  gatewright_hook after_model; /* 19: agent */
  gatewright_hook before_tool; /* 20: agent */
  gatewright_hook after_tool; /* 21: agent */
  gatewright_hook on_model_error; /* 22: agent */
  gatewright_hook on_tool_error; /* 23: agent */
  gatewright_hook on_event; /* 24: agent */
  gatewright_hook before_create; /* 25: objects */
  gatewright_hook after_create; /* 26: objects */
  gatewright_hook before_update; /* 27: objects */
  gatewright_hook after_update; /* 28: objects */
  gatewright_hook before_delete; /* 29: objects */
  gatewright_hook after_delete; /* 30: objects */
  gatewright_hook endpoint; /* 31: surface, of one plugin */
  gatewright_hook rpc; /* 32: surface, of one plugin */
  gatewright_hook asset; /* 33: surface, of one plugin */
  gatewright_hook schedule; /* 34: surface, of one plugin */
  gatewright_hook on_startup; /* 35: life */
  gatewright_hook on_shutdown; /* 36: life, last plugin first */
  gatewright_hook health; /* 37: life, of one plugin */
} gatewright_hooks_v1;

/* What the plugin exports. */
typedef struct gatewright_plugin_table_v1 {
  uint32_t size;  /* sizeof(gatewright_plugin_table_v1) */
  uint32_t minor; /* GATEWRIGHT_ABI_MINOR */
  /* What it says of itself, as JSON: {"name": "...", "version": "1.0.0", "permissions": ["kv"],
   * "failure_mode": "fail_closed", "messages": "ro", "headers": ["x-foo"]}. Only name and version must be there. */
  gatewright_slice manifest;
  const gatewright_hooks_v1 *hooks;
  /* Bits of the hooks that answer at once and never wait: 1 << GATEWRIGHT_HOOK_CHECK_INPUT. */
  uint64_t immediate;
  /* Makes an instance from its config, a JSON text. If the config is wrong: `fail`, and GATEWRIGHT_ERROR. NULL if there
   * is nothing to make. */
  gatewright_status (*create)(const gatewright_host_v1 *host, gatewright_call call, gatewright_slice config,
                              void **plugin);
  /* Ends an instance, after its last call. */
  void (*destroy)(void *plugin);
  /* For SDKs: gives the next chunks of a stream that the plugin answered with, through `answer`. */
  gatewright_status (*pull)(void *plugin, gatewright_call call, uint64_t stream);
  /* For SDKs: gives such a stream up. Called once no pull of it is left. */
  void (*close)(void *plugin, uint64_t stream);
} gatewright_plugin_table_v1;

/* The one symbol. */
GATEWRIGHT_EXPORT const gatewright_plugin_table_v1 *gatewright_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
