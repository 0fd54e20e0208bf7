/* SPDX-License-Identifier: Apache-2.0 */
/* The list of programs that common calls are made of: whole, in order, and within what devices
 * have. What it leaves out, no compile check would see and no pack would hold. */
#include <stdio.h>
#include <string.h>

#include "core/dispatch.h"
#include "support/suite.h"
#include "tools/pack/programs.h"

enum { CONSTANTS = 1200, MOST = 150 };

extern const seqmix_backend seqmix_cuda_backend;

static void make_list(int number, pack_programs *programs) {
  *programs = (pack_programs){.count = 0};
  seqmix_status status = pack_list(&pack_architectures[number], programs);
  ck_assert_msg(status == SEQMIX_OK, "%s: %s", pack_architectures[number].name,
                seqmix_last_error());
}

START_TEST(test_every_variant) {
  pack_programs programs;
  seqmix_device_properties device;
  pack_describe(&pack_architectures[_i], 1, &device);
  make_list(_i, &programs);
  ck_assert_int_le(seqmix_cuda_backend.variant_count, PACK_VARIANTS);
  for (int32_t i = 0; i < seqmix_cuda_backend.variant_count; i++) {
    const seqmix_variant *variant = &seqmix_cuda_backend.variants[i];
    int is_there = seqmix_is_available(variant, &device);
    ck_assert_msg(!is_there || programs.launches[i] > 0,
                  "%s: none of the common calls (tools/pack) is for %s",
                  pack_architectures[_i].name, variant->name);
  }
  pack_free(&programs);
}
END_TEST

START_TEST(test_every_text) {
  pack_programs programs[PACK_ARCHITECTURES];
  extern const gpu_text seqmix_cuda_texts[];
  for (int i = 0; i < PACK_ARCHITECTURES; i++) make_list(i, &programs[i]);
  for (const gpu_text *text = seqmix_cuda_texts; text->name; text++) {
    int is_used = 0;
    for (int i = 0; i < PACK_ARCHITECTURES; i++)
      for (int32_t k = 0; k < programs[i].count; k++) is_used |= programs[i].rows[k].text == text;
    ck_assert_msg(is_used, "none of the common calls (tools/pack) needs %s", text->name);
  }
  for (int i = 0; i < PACK_ARCHITECTURES; i++) pack_free(&programs[i]);
}
END_TEST

START_TEST(test_rows) {
  const pack_architecture *architecture = &pack_architectures[_i];
  char constants[CONSTANTS];
  pack_programs programs;
  make_list(_i, &programs);
  ck_assert_int_gt(programs.count, 0);
  ck_assert_int_le(programs.count, MOST);
  for (int32_t i = 0; i < programs.count; i++) {
    const pack_program *row = &programs.rows[i];
    size_t length = strlen(row->text->name);
    ck_assert_msg(i == 0 || strcmp(row[-1].name, row->name) < 0, "%s: not in order", row->name);
    ck_assert_msg(strncmp(row->name, row->text->name, length) == 0, "%s: another text", row->name);
    ck_assert_msg(pack_write_constants(row, constants, sizeof constants), "%s", row->name);
    ck_assert_msg(row->local_bytes <= architecture->local_bytes_most, "%s: %d bytes on %s",
                  row->name, (int)row->local_bytes, architecture->name);
  }
  pack_free(&programs);
}
END_TEST

/* What is made twice is the same. */
START_TEST(test_again) {
  pack_programs first, second;
  make_list(_i, &first);
  make_list(_i, &second);
  ck_assert_int_eq(first.count, second.count);
  for (int32_t i = 0; i < first.count; i++)
    ck_assert_str_eq(first.rows[i].name, second.rows[i].name);
  pack_free(&first);
  pack_free(&second);
}
END_TEST

START_TEST(test_constants) {
  pack_program program = {.name = "scan/scan KIND=3 WIDTH=-1"};
  char lines[CONSTANTS];
  ck_assert(pack_write_constants(&program, lines, sizeof lines));
  ck_assert_str_eq(lines, "#define KIND 3\n#define WIDTH -1\n");
  ck_assert(!pack_write_constants(&program, lines, 20));
  snprintf(program.name, sizeof program.name, "scan/scan");
  ck_assert(pack_write_constants(&program, lines, sizeof lines));
  ck_assert_str_eq(lines, "");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("pack_programs");
  TCase *tcase = tcase_create("list");
  suite_add_loop(tcase, test_every_variant, 0, PACK_ARCHITECTURES);
  suite_add(tcase, test_every_text);
  suite_add_loop(tcase, test_rows, 0, PACK_ARCHITECTURES);
  suite_add_loop(tcase, test_again, 0, PACK_ARCHITECTURES);
  suite_add(tcase, test_constants);
  suite_add_tcase(suite, tcase);
  return suite;
}
