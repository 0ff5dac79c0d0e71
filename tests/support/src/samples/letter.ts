import type { Sample } from './page';

/** A letter of one page. Its people do not exist. */
export const letter: Sample = {
  file: 'letter.pdf',
  title: 'Letter about the delivery of a turbine',
  author: 'Upper Fold Farm',
  date: new Date('2024-09-20T09:00:00Z'),
  outline: false,
  blocks: [
    { paragraph: 'Upper Fold Farm\nHeptonstall Road\nCalderdale' },
    { paragraph: '20 September 2024' },
    { paragraph: 'To the service department of Brightwater Mills' },
    { paragraph: 'Late delivery of our turbine, order 2024-0817' },
    { paragraph: 'Dear Ms Okafor,' },
    {
      paragraph:
        'We ordered a Kestrel 5 from you on 3 May and were promised delivery by the end of July. The machine arrived ' +
        'on 12 September, six weeks late, and the crate with the trash rack was missing. Our old wheel had already ' +
        'been taken down, so we bought electricity for the dairy all summer, at a cost of 1,140 pounds.',
    },
    {
      paragraph:
        'Mr Lindqvist, who set the turbine up, did careful work and stayed until late in the evening because of a ' +
        'leaking penstock sleeve. We are glad of his help and want to say so. The turbine itself runs quietly and ' +
        'gives the power you promised.',
    },
    {
      paragraph:
        'We ask you for two things: please send the missing rack before the leaves fall, and make us an offer for ' +
        'the cost of the delay. A reduction of the last instalment by 1,000 pounds would settle the matter for us.',
    },
    { paragraph: 'Yours sincerely,' },
    { paragraph: 'Margaret Sutcliffe' },
  ],
};
