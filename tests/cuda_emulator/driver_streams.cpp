/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the stand-in for libcuda, and what is captured from them. A captured stream records
 * launches; all that would wait or copy fails and spoils the capture. */
#include <set>

#include "driver.h"

namespace emulator {
namespace {

std::set<CUstream_st *> streams;

}  // namespace

CUresult check_stream(CUstream_st *stream) {
  const CUresult status = check_context();
  if (status || !stream) return status;
  if (!streams.count(stream)) return CUDA_ERROR_INVALID_HANDLE;
  return stream->context == current_context() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult check_not_capturing(CUctx_st *context) {
  CUresult status = CUDA_SUCCESS;
  for (CUstream_st *stream : streams) {
    if (stream->context != context || stream->capture == CU_STREAM_CAPTURE_STATUS_NONE) continue;
    stream->capture = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
    status = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return status;
}

extern "C" {

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  ENTER();
  if (flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
  const CUresult status = check_context();
  if (status) return status;
  *stream = new CUstream_st{current_context(), CU_STREAM_CAPTURE_STATUS_NONE, {}};
  streams.insert(*stream);
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  ENTER();
  if (!streams.erase(stream)) return CUDA_ERROR_INVALID_HANDLE;
  delete stream;
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
  ENTER();
  const CUresult status = check_stream(stream);
  return status ? status : check_not_capturing(current_context());
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context) {
  ENTER();
  if (stream && !streams.count(stream)) return CUDA_ERROR_INVALID_HANDLE;
  *context = stream ? stream->context : current_context();
  return *context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  ENTER();
  const CUresult checked = check_stream(stream);
  if (checked) return checked;
  *status = stream ? stream->capture : CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

/* ---- captures -------------------------------------------------------------------------------- */

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
  ENTER();
  const CUresult status = check_stream(stream);
  if (status) return status;
  if (!stream || mode < 0 || mode > CU_STREAM_CAPTURE_MODE_RELAXED ||
      stream->capture != CU_STREAM_CAPTURE_STATUS_NONE)
    return CUDA_ERROR_INVALID_VALUE;
  stream->capture = CU_STREAM_CAPTURE_STATUS_ACTIVE;
  stream->graph.launches.clear();
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  ENTER();
  const CUresult status = check_stream(stream);
  if (status) return status;
  if (!stream || stream->capture == CU_STREAM_CAPTURE_STATUS_NONE) return CUDA_ERROR_INVALID_VALUE;
  const bool is_whole = stream->capture == CU_STREAM_CAPTURE_STATUS_ACTIVE;
  stream->capture = CU_STREAM_CAPTURE_STATUS_NONE;
  *graph = is_whole ? new CUgraph_st(std::move(stream->graph)) : nullptr;
  stream->graph.launches.clear();
  return is_whole ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *made, CUgraph graph, unsigned long long flags) {
  ENTER();
  const CUresult status = check_context();
  if (status) return status;
  if (!graph || flags) return CUDA_ERROR_INVALID_VALUE;
  *made = new CUgraphExec_st{current_context(), graph->launches};
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
  ENTER();
  CUresult status = check_stream(stream);
  if (!status && graph->context != current_context()) status = CUDA_ERROR_INVALID_CONTEXT;
  if (!status) status = check_not_capturing(current_context());
  for (size_t i = 0; !status && i < graph->launches.size(); i++)
    status = run_recorded(graph->context, graph->launches[i]);
  return status;
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
  ENTER();
  delete graph;
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
  ENTER();
  delete graph;
  return CUDA_SUCCESS;
}

}  // extern "C"

}  // namespace emulator
