// Checkboxes and radio buttons, with their descriptions.
import { useId } from 'react'
import { Text } from './text.jsx'

export function Choices({ element, value, change, label, described, invalid }) {
  const name = useId()
  const several = element.type === 'checkboxes'
  const chosen = several ? value : [value].filter(Boolean)
  const isOn = (option) => chosen.some((c) => c.value === option.value)
  const toggle = (option, on) => {
    if (!several) change(option)
    else change(element.options.filter((o) => (o.value === option.value ? on : isOn(o))))
  }
  return (
    <div role={several ? 'group' : 'radiogroup'} aria-label={label} aria-describedby={described} aria-invalid={invalid} className="choices">
      {element.options.map((option) => (
        <label key={option.value} className="choice">
          <input
            type={several ? 'checkbox' : 'radio'}
            name={name}
            checked={isOn(option)}
            onChange={(event) => toggle(option, event.target.checked)}
          />
          <span>
            <Text text={option.text} />
            {option.description && <small><Text text={option.description} /></small>}
          </span>
        </label>
      ))}
    </div>
  )
}
