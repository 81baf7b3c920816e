// An input block: a label, what to fill in, a hint, and what is wrong with it.
import { useId } from 'react'
import { Entry } from './control.jsx'
import { sent } from './filled.js'
import { useSurface } from './surface.jsx'

const TYPED = ['plain_text_input', 'email_text_input', 'url_text_input', 'number_input']

export function InputBlock({ block }) {
  const id = useId()
  const surface = useSurface()
  const { element } = block
  const error = surface.errors[block.block_id]
  const typed = TYPED.includes(element.type)
  const dispatches = (when) => (element.dispatch_action_config?.trigger_actions_on ?? ['on_enter_pressed']).includes(when)
  const tell = () => surface.press(block, element, sent(element, surface.value(block, element)))
  const change = (value) => {
    if (!block.dispatch_action) surface.fill(block, element, value)
    else if (!typed || dispatches('on_character_entered')) surface.choose(block, element, value)
    else surface.fill(block, element, value)
  }
  const described = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className={error ? 'field wrong' : 'field'} data-focus={element.focus_on_load}>
      <label className="field-label" htmlFor={id}>
        {block.label.text}
        {block.optional && <small> (optional)</small>}
      </label>
      <Entry
        element={element}
        block={block}
        id={id}
        label={block.label.text}
        change={change}
        entered={block.dispatch_action && typed && dispatches('on_enter_pressed') ? tell : undefined}
        aria-describedby={described || undefined}
        aria-invalid={Boolean(error)}
      />
      {error && <p className="field-error" id={`${id}-error`} role="alert">{error}</p>}
      {block.hint && <p className="field-hint" id={`${id}-hint`}>{block.hint.text}</p>}
    </div>
  )
}
