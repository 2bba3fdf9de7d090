{
  "targets": [
    {
      "target_name": "vmexit",
      "sources": ["native/addon.cc", "native/attach.cc", "native/core_btf.cc", "native/counters.cc", "native/counters_addon.cc", "native/kernel.cc", "native/kernel_btf.cc", "native/kernel_names.cc", "native/libbpf_log.cc", "native/overhead.cc", "native/recorder.cc", "native/session.cc", "native/static_libbpf.cc", "native/trace_encoder.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=c++17", "-fexceptions"],
      "libraries": [
        "<!(pkg-config --variable=libdir libbpf)/libbpf.a",
        "-lelf",
        "-lz"
      ],
      # Distributions build libbpf.a as PIE, which may name no data of another library: see native/static_libbpf.cc.
      "ldflags": ["-Wl,--wrap=stderr"]
    }
  ]
}
