/* SPDX-License-Identifier: Apache-2.0 */
/* Backends from outside: modules in the plug-in folder and on SEQMIX_PLUGIN_PATH. */
#ifndef SEQMIX_CORE_PLUGIN_H
#define SEQMIX_CORE_PLUGIN_H

#include "core/registry.h"

/** Loads every plug-in there is into `registry`. One that cannot be used is logged and left out. */
void seqmix_plugins_load(seqmix_registry *registry);

#endif
