// For what the renderer draws `markdown` blocks with: this page draws them itself.
export default () => null
