/* The same in C: at one hook nothing is looked at, at another the first text is. */
#include "gatewright_plugin.h"

static const gatewright_host_v1 *host;

static gatewright_status create(const gatewright_host_v1 *given, gatewright_call call, gatewright_slice config,
                                void **plugin) {
  (void)call, (void)config, (void)plugin;
  host = given;
  return GATEWRIGHT_OK;
}

static gatewright_status pre_request(void *plugin, gatewright_call call) {
  (void)plugin, (void)call;
  return GATEWRIGHT_OK;
}

static gatewright_status check_input(void *plugin, gatewright_call call) {
  (void)plugin;
  gatewright_slice text;
  return host->get_text(call, GATEWRIGHT_LITERAL("messages/0/blocks/0/content/text"), &text);
}

static const gatewright_hooks_v1 hooks = {
    .size = sizeof(gatewright_hooks_v1), .pre_request = pre_request, .check_input = check_input};

static const gatewright_plugin_table_v1 table = {
    .size = sizeof(gatewright_plugin_table_v1),
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"looker\", \"version\": \"1.0.0\"}"),
    .hooks = &hooks,
    .immediate = 1u << GATEWRIGHT_HOOK_PRE_REQUEST | 1u << GATEWRIGHT_HOOK_CHECK_INPUT,
    .create = create,
};

const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return &table; }
