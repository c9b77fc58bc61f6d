import classes from './Drawn.module.css';

/** Letters as a picture: they decorate what has its name in words, and are no words themselves. */
export function Drawn({ text }: { readonly text: string | number }) {
  return <span className={classes.drawn} data-text={text} aria-hidden />;
}
