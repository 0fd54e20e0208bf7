/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `seqmix`. Each gets the words after its name and returns an exit status:
 * 0 done, 1 failed, 2 wrong usage. */
#ifndef SEQMIX_TOOL_H
#define SEQMIX_TOOL_H

int tool_devices(int count, char **words);
int tool_operators(int count, char **words);
int tool_pack(int count, char **words);
int tool_run(int count, char **words);
int tool_verify(int count, char **words);

/* What follows <operator>__ in a variant's name; NULL if the variant is another operator's. */
const char *tool_rest_of_variant(const char *variant, const char *name);

#endif
