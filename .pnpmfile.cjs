/** What pnpm leaves out, other than the manifests of two packages say. */
module.exports = {
  hooks: {
    readPackage(manifest) {
      // `/docs` serves its browser script, which is whole: the 233 packages that it was built from are of no use.
      if (manifest.name === '@scalar/api-reference') manifest.dependencies = {};
      // Its build for Node has what it needs of it inside; the package would be 140 MB of WebAssembly.
      if (manifest.name === '@huggingface/transformers') delete manifest.dependencies['onnxruntime-web'];
      return manifest;
    },
  },
};
