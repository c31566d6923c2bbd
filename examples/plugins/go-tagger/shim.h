/* What Go cannot say itself: calls through function pointers, and the table. */
#ifndef SHIM_H
#define SHIM_H

#include "gatewright_plugin.h"

#include <stdlib.h>

gatewright_status tagger_get_text(gatewright_call call, gatewright_slice path, gatewright_slice *out);
gatewright_status tagger_set_text(gatewright_call call, gatewright_slice path, gatewright_slice text);
gatewright_status tagger_metadata_set(gatewright_call call, gatewright_slice key, gatewright_slice text);
gatewright_status tagger_fail(gatewright_call call, gatewright_slice message);
void tagger_keep_host(const gatewright_host_v1 *host);

#endif
