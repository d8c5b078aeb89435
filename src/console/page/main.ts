const title: string = document.title;

export { title };
