/* A plugin whose life is what is tested: how it is loaded, what it says at its end, and how it ends. */
#include "gatewright_plugin.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const gatewright_host_v1 *host;
static char *ground;

__attribute__((constructor)) static void loaded(void) {
  ground = malloc(64);
#ifdef HANGS
  for (;;) pause();
#endif
#ifdef CRASHES
  abort();
#endif
}

/* As C++ ends what is static. */
__attribute__((destructor)) static void unloaded(void) {
  memset(ground, 0, 64);
  free(ground);
  ground = NULL;
}

static gatewright_status create(const gatewright_host_v1 *given, gatewright_call call, gatewright_slice text, void **plugin) {
  host = given;
  *plugin = strndup((const char *)text.ptr, text.len);
  return GATEWRIGHT_OK;
}

/* The instance is its config. */
static void say(const char *config, gatewright_call call) {
  gatewright_slice message = {(const uint8_t *)config, strlen(config)};
  host->log(call, GATEWRIGHT_INFO, message);
}

static gatewright_status check_input(void *plugin, gatewright_call call) {
  say(plugin, call);
  return GATEWRIGHT_OK;
}

static gatewright_status on_shutdown(void *plugin, gatewright_call call) {
  say(plugin, call);
  return GATEWRIGHT_OK;
}

static void destroy(void *plugin) {
#ifdef NEVER_ENDS
  for (;;) pause();
#endif
  struct timespec while_it_ends = {.tv_sec = 1};
  nanosleep(&while_it_ends, NULL);
  ground[0] = 1;
  const char *file = strchr(plugin, '/');
  char name[1024];
  if (file && sscanf(file, "%1023[^\"]", name) == 1) fclose(fopen(name, "w"));
  free(plugin);
}

static const gatewright_hooks_v1 hooks = {
    .size = sizeof(gatewright_hooks_v1), .check_input = check_input, .on_shutdown = on_shutdown};
static const gatewright_plugin_table_v1 table = {
    .size = sizeof(gatewright_plugin_table_v1),
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"life\", \"version\": \"1.0.0\", \"failure_mode\": \"fail_closed\"}"),
    .hooks = &hooks,
    .create = create,
    .destroy = destroy,
};
const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return &table; }
