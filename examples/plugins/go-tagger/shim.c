#include "shim.h"

#include "_cgo_export.h"

/* The host's table is the same for all instances, and stays. */
static const gatewright_host_v1 *host;

void tagger_keep_host(const gatewright_host_v1 *given) { host = given; }

gatewright_status tagger_get_text(gatewright_call call, gatewright_slice path, gatewright_slice *out) {
  return host->get_text(call, path, out);
}

gatewright_status tagger_set_text(gatewright_call call, gatewright_slice path, gatewright_slice text) {
  return host->set_text(call, path, text);
}

gatewright_status tagger_metadata_set(gatewright_call call, gatewright_slice key, gatewright_slice text) {
  return host->metadata_set(call, key, text);
}

gatewright_status tagger_fail(gatewright_call call, gatewright_slice message) { return host->fail(call, message); }

static gatewright_status create(const gatewright_host_v1 *given, gatewright_call call, gatewright_slice config,
                                void **plugin) {
  tagger_keep_host(given);
  uintptr_t made = 0;
  gatewright_status status = taggerCreate(call, (uint8_t *)config.ptr, config.len, &made);
  *plugin = (void *)made;
  return status;
}

static void destroy(void *plugin) { taggerDestroy((uintptr_t)plugin); }

static gatewright_status pre_llm(void *plugin, gatewright_call call) { return taggerPreLlm((uintptr_t)plugin, call); }

static const gatewright_hooks_v1 hooks = {.size = sizeof(gatewright_hooks_v1), .pre_llm = pre_llm};

static const gatewright_plugin_table_v1 table = {
    .size = sizeof(gatewright_plugin_table_v1),
    .minor = GATEWRIGHT_ABI_MINOR,
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"go-tagger\", \"version\": \"1.0.0\", \"messages\": \"rw\"}"),
    .hooks = &hooks,
    .create = create,
    .destroy = destroy,
};

GATEWRIGHT_EXPORT const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return &table; }
