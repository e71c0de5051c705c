/** What pnpm installs other than package.json says. */
module.exports = {
  hooks: {
    readPackage(manifest) {
      // `/docs` serves its browser script, which is whole: the packages that it was built from would be 250 of nobody's use.
      if (manifest.name === '@scalar/api-reference') manifest.dependencies = {};
      return manifest;
    },
  },
};
